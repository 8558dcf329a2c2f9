// Forms with `data-then` are sent from here; then that page opens.
import { post } from "./send.js";

for (const form of document.querySelectorAll("form[data-then]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await post(form.getAttribute("action"), new FormData(form));
      location.assign(form.dataset.then);
    } catch (error) {
      form.querySelector(".error").textContent = error.message || "The app does not answer.";
    }
  });
}

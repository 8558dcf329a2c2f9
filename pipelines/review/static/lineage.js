// A picture that is chosen is looked up at once.
import { post } from "./send.js";

const form = document.getElementById("by-picture");
form.addEventListener("change", async () => {
  const error = form.querySelector(".error");
  error.textContent = "Looking …";
  try {
    const { what } = await (await post(form.getAttribute("action"), new FormData(form))).json();
    location.assign(`/lineage?what=${encodeURIComponent(what)}`);
  } catch (failed) {
    error.textContent = failed.message || "The app does not answer.";
  }
});
form.addEventListener("submit", (event) => event.preventDefault());

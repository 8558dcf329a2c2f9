// Requests that change something carry the page's CSRF token.
const csrf = document.querySelector("meta[name=csrf]").content;

export async function post(address, body, kind) {
  const headers = { "x-csrf-token": csrf };
  if (kind) headers["content-type"] = kind;
  const reply = await fetch(address, { method: "POST", body, headers });
  if (!reply.ok) throw Object.assign(new Error((await reply.text()).trim()), { status: reply.status });
  return reply;
}

export async function get(address) {
  const reply = await fetch(address);
  if (!reply.ok) throw Object.assign(new Error((await reply.text()).trim()), { status: reply.status });
  return reply.json();
}

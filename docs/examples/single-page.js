// The script of single-page.html. No token is in a storage that a script can read: the refresh token
// is in the service's cookie, and the access token in this page's memory. To try it:
//
//   REFRESH_TOKEN_COOKIE=true ROTATE_REFRESH_TOKENS=true TRACK_SESSIONS=true python manage.py runserver
//   python -m http.server 3000 --bind localhost --directory docs/examples
//
// and open http://localhost:3000/single-page.html (127.0.0.1 would be another site).

import { AuthClient, SessionEnded } from "./client.js";

const client = new AuthClient(document.documentElement.dataset.service, { cookie: true });
const find = (id) => document.getElementById(id);

find("login").addEventListener("submit", (event) => {
  event.preventDefault();
  const { email, password, remember } = Object.fromEntries(new FormData(event.target));
  run(async () => {
    if (event.submitter.value === "register") await client.register(email, password);
    await client.login(email, password, { rememberMe: remember === "on" });
    event.target.reset();
    await showAccount();
  });
});

find("logout").addEventListener("click", () =>
  run(async () => {
    await client.logout();
    show("login");
  }),
);

// After a reload, the cookie continues the session.
run(async () => ((await client.restore()) ? showAccount() : show("login")));

async function run(task) {
  find("message").textContent = "";
  try {
    await task();
  } catch (error) {
    if (error instanceof SessionEnded || find("account").hidden) show("login");
    find("message").textContent = error.message;
  }
}

async function showAccount() {
  find("email").textContent = (await request("/api/v1/protected/profile")).email;
  const { sessions } = await request("/api/v1/auth/sessions");
  find("sessions").replaceChildren(...sessions.map(buildRow));
  show("account");
}

function buildRow({ id, client: label, created_at, last_refreshed_at, current }) {
  const row = document.createElement("tr");
  const texts = [label ?? "Unknown", formatTime(created_at), formatTime(last_refreshed_at)];
  // `textContent`, because the label is whatever a client has sent.
  for (const text of texts) row.insertCell().textContent = text;
  row.insertCell().append(current ? "this session" : buildEndButton(id));
  return row;
}

function buildEndButton(id) {
  const button = Object.assign(document.createElement("button"), { textContent: "End" });
  button.addEventListener("click", () =>
    run(async () => {
      await request(`/api/v1/auth/sessions/${id}/revoke`, { method: "POST" });
      await showAccount();
    }),
  );
  return button;
}

async function request(path, options) {
  const response = await client.fetch(path, options);
  const body = response.status === 204 ? null : await response.json();
  if (!response.ok) throw new Error(body.detail);
  return body;
}

function formatTime(time) {
  return time ? new Date(time).toLocaleString() : "";
}

function show(id) {
  for (const part of ["login", "account"]) find(part).hidden = part !== id;
}

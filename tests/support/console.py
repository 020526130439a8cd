"""A small console, as a browser gets it: a login by a form, five routes beside the task API, tasks, and a retry."""

from typing import Any, Final

SIDE: Final = ("profiles/me", "loginKey", "info", "config/systemInfo", "time")
"""What every page asks for first, below `/api/v1`; one that is a 404 is taken for an error page."""
HTML: Final = """\
<!doctype html><title>console</title>
<p id="said" role="status"></p>
<form>
  <input name="username" aria-label="User"><input name="password" type="password" aria-label="Password">
  <button>Log in</button>
</form>
<ul></ul>
<script>
  const api = location.pathname.replace(/\\/console$/, "/api/v1");
  const say = (text) => { document.querySelector("#said").textContent = text; };
  const ask = async (path, options) => {
    const answer = await fetch(`${api}/${path}`, options);
    return { status: answer.status, body: await answer.json() };
  };
  async function open() {
    const beside = await Promise.all(SIDE.map((path) => ask(path)));
    if (beside.some(({ status }) => status !== 200)) return say("error page");
    await list();
  }
  async function list() {
    const { status, body } = await ask("tasks/instances");
    document.querySelector("ul").replaceChildren();
    if (status !== 200) return say(status === 401 ? "please log in" : body.error.message);
    for (const { id } of body.data.contents) {
      const { subtasks } = (await ask(`tasks/instances/${id}`)).body.data;
      document.querySelector("ul").append(...subtasks.map((one) => shown(id, one)));
    }
    say("here are the tasks");
  }
  function shown(task, { id, status }) {
    const line = Object.assign(document.createElement("li"), { textContent: `${id} ${status}` });
    if (status === "FAILED") {
      const button = Object.assign(document.createElement("button"), { textContent: "Retry" });
      button.onclick = async () => {
        const { status, body } = await ask(`tasks/instances/${task}/subtasks/${id}/retry`, { method: "POST" });
        await (status === 200 ? list() : say(`${status}: ${body.error.message}`));
      };
      line.append(button);
    }
    return line;
  }
  document.querySelector("form").onsubmit = async (event) => {
    event.preventDefault();
    const { body } = await ask("login", { method: "POST", body: new URLSearchParams(new FormData(event.target)) });
    await (body.successful ? list() : say(`not logged in: ${body.error.message}`));
  };
  open();
</script>
""".replace("SIDE", str(list(SIDE)))

PAGE: Final[dict[str, Any]] = {
    "request": {"method": "GET", "urlPath": "/console"},
    "response": {"headers": {"Content-Type": "text/html; charset=utf-8"}, "body": HTML},
}
"""As a stub."""
LOGIN: Final[dict[str, Any]] = {
    "request": {"method": "POST", "urlPath": "/api/v1/login"},
    "response": {"session": "form", "jsonBody": {"successful": True, "data": {"location": "/task"}}},
}

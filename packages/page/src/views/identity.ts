/** Who calls, and how an admin gives that one a role. */
import { type App, commandTarget, heading, problem } from "../app.js";
import { confirm } from "../dialogs.js";
import { announce, button, h } from "../dom.js";
import { create, forget, load, use } from "../identity.js";

/** Shows the identity of this browser. */
export async function identity(app: App): Promise<HTMLElement> {
  const view = h("div", { class: "identity" }, heading("Identity"));
  try {
    const { identity: kept, isUsed } = await load();
    const principal = kept?.getPrincipal().toText();
    view.append(who(isUsed && principal !== undefined));
    if (principal === undefined) view.append(...without(app));
    else view.append(...withKey(app, principal, isUsed));
  } catch (error) {
    view.append(problem(error));
  }
  return view;
}

function who(isKey: boolean): HTMLElement {
  const text = isKey
    ? "Calls are made as the identity of this browser."
    : "Calls are anonymous. An anonymous caller can read where reads are public, and nothing else.";
  return h("p", {}, text);
}

function without(app: App): HTMLElement[] {
  const make = button("Make an identity", () => change(app, create(), "The identity is made"), { class: "primary" });
  return [
    h("p", {}, "This browser has no identity yet. One is an Ed25519 key that stays in this browser; clearing the browser's data removes it."),
    h("p", { class: "toolbar" }, make),
  ];
}

function withKey(app: App, principal: string, isUsed: boolean): HTMLElement[] {
  const command = (role: string) => `storage ${commandTarget(app)} roles set ${principal} ${role}`;
  const toggle = button(isUsed ? "Call anonymously" : "Call as this identity", () => {
    void change(app, use(!isUsed), isUsed ? "Calls are anonymous now" : "Calls are made as the identity now");
  });
  const remove = button("Forget it", () =>
    confirm("Forget the identity", "Its key is deleted permanently. The roles of its principal cannot be used any more.", "Forget it", () =>
      change(app, forget(), "The identity is forgotten"),
    ),
  );
  return [
    h("dl", {}, h("dt", {}, "Principal"), h("dd", {}, ...copyable(principal, "the principal"))),
    h("h2", {}, "Have a role given to it"),
    h("p", {}, "An admin runs one of these. Controllers of the canister are admins."),
    h("dl", {}, ...["reader", "writer", "admin"].flatMap((role) => [h("dt", {}, role), h("dd", {}, ...copyable(command(role), `the command for ${role}`))])),
    h("p", { class: "toolbar" }, toggle, remove),
  ];
}

function copyable(text: string, what: string): HTMLElement[] {
  const copy = () => {
    // A page that is not secure has no clipboard.
    const copied = navigator.clipboard?.writeText(text) ?? Promise.reject(new Error("there is no clipboard"));
    copied.then(
      () => announce(`Copied ${what}`),
      () => announce("The browser does not allow it; select and copy the text"),
    );
  };
  return [h("code", {}, text), button("Copy", copy, { "aria-label": `Copy ${what}` })];
}

async function change(app: App, changed: Promise<void>, done: string): Promise<void> {
  await changed;
  await app.reconnect();
  announce(done);
}

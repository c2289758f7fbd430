/** Questions to the user. The browser keeps the focus in a dialog and gives it back. */
import { button, h } from "./dom.js";
import { explain } from "./failure.js";

/** Asks before something that cannot be undone. `what` does it; the dialog stays open and shows why, where that fails. */
export function confirm(title: string, text: string, action: string, what: () => Promise<void>): void {
  const content = h("p", {}, text);
  open(title, content, action, what, "danger");
}

/** Asks for a line of text. */
export function ask(
  title: string,
  label: string,
  value: string,
  action: string,
  what: (text: string) => Promise<void>,
): void {
  const input = h("input", { type: "text", value, required: true, autocomplete: "off", spellcheck: "false" });
  const field = h("label", {}, h("span", {}, label), input);
  open(title, field, action, () => what(input.value), "primary");
  input.focus();
  input.setSelectionRange(value.lastIndexOf("/") + 1, value.length);
}

function open(title: string, content: HTMLElement, action: string, what: () => Promise<void>, kind: string): void {
  const problem = h("p", { role: "alert", class: "problem" });
  const cancel = button("Cancel", () => dialog.close());
  const submit = h("button", { type: "submit", class: kind }, action);
  const heading = h("h2", { id: "dialog-title" }, title);
  const form = h("form", { onsubmit }, heading, content, problem, h("p", { class: "actions" }, cancel, submit));
  const dialog = h("dialog", { "aria-labelledby": "dialog-title", onclose: () => dialog.remove() }, form);

  function onsubmit(event: Event): void {
    event.preventDefault();
    submit.disabled = true;
    what().then(
      () => dialog.close(),
      (error: unknown) => {
        problem.textContent = explain(error);
        submit.disabled = false;
      },
    );
  }

  document.body.append(dialog);
  dialog.showModal();
}

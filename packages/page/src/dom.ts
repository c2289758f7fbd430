/** Small helpers to make elements. Texts become text nodes, never HTML: keys and contents are somebody else's. */

type Child = Node | string | undefined | false;

interface Options {
  /** Attributes; undefined and false leave one out, true sets it without a value. */
  [attribute: string]: string | number | boolean | undefined | ((event: Event) => void);
}

/** An element with attributes, listeners (`onclick`) and children. */
export function h<K extends keyof HTMLElementTagNameMap>(tag: K, options: Options = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  fill(element, options, children);
  return element;
}

/** The same for a picture. */
export function svg(tag: string, options: Options = {}, ...children: Child[]): SVGElement {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  fill(element, options, children);
  return element;
}

function fill(element: Element, options: Options, children: Child[]): void {
  for (const [name, value] of Object.entries(options)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== undefined && value !== false) element.setAttribute(name, String(value));
  }
  for (const child of children) {
    if (child !== undefined && child !== false) element.append(child);
  }
}

/** A button that says on screen and to a screen reader what it does. */
export function button(label: string, onclick: () => void, options: Options = {}): HTMLButtonElement {
  return h("button", { type: "button", onclick, ...options }, label);
}

/** An element of the page. */
export function byId(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element;
}

/** Says something to a screen reader, without moving the focus. */
export function announce(text: string): void {
  byId("announcements").textContent = text;
}

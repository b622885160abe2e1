// Small ways to build DOM nodes; text always goes in as text.
export const byId = (id) => document.getElementById(id);

export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name === "class") node.className = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  for (const child of children.flat()) if (child !== null && child !== undefined && child !== "") node.append(child);
  return node;
}

// *bold*, _italic_, ~struck~ and web addresses, as phone messengers show them.
const MARKUP = /(https?:\/\/[^\s<>"']+)|\*([^*\n]+)\*|(?<![\w])_([^_\n]+)_(?![\w])|~([^~\n]+)~/g;

export function rich(text) {
  const parts = [];
  let last = 0;
  for (const found of text.matchAll(MARKUP)) {
    parts.push(text.slice(last, found.index));
    if (found[1]) parts.push(el("a", { href: found[1], target: "_blank", rel: "noreferrer noopener" }, found[1]));
    else if (found[2]) parts.push(el("b", {}, found[2]));
    else if (found[3]) parts.push(el("i", {}, found[3]));
    else parts.push(el("s", {}, found[4]));
    last = found.index + found[0].length;
  }
  parts.push(text.slice(last));
  return parts;
}

export const initials = (name) => (/^[A-Za-z]/.test(name) ? name.split(/\s+/).map((word) => word[0]).slice(0, 2).join("") : name.slice(0, 1));

export function safeLink(url) {
  return /^(https?:|tel:)/i.test(url) ? url : null;
}

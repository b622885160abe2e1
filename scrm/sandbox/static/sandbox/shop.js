// The shop's catalogue in a dialog: how many of each, a word, and the order that comes of it.
import { byId, el } from "./elements.js";

export function money(amount, currency) {
  return new Intl.NumberFormat(document.documentElement.lang, { style: "currency", currency }).format(amount);
}

let chosen = () => {};

// `sections`: [{title, products: [{code}]}]; `goods`: the whole catalogue, which is shown where there are no sections.
export function openShop({ title, sections, goods, currency, words, send }) {
  const known = new Map(goods.map((one) => [one.code, one]));
  const shown = sections || [{ title: "", products: goods }];
  const only = shown.length === 1 && shown[0].products.length === 1;
  byId("shop-title").textContent = title;
  byId("shop-form").reset();
  byId("shop-rows").replaceChildren(...shown.flatMap((one) => [one.title ? el("h3", {}, one.title) : null, ...one.products.map((each) => good(each, known.get(each.code), only))]).filter(Boolean));
  chosen = send;
  sum();
  byId("shop-dialog").showModal();

  function good(product, found, alone) {
    if (!found) return el("p", { class: "good muted" }, product.name, " ", el("small", {}, words.no_price));
    const price = found.prices[currency];
    const count = el("input", { type: "number", min: "0", max: "99", value: alone ? "1" : "0", inputmode: "numeric", "data-code": found.code, "data-price": price, "aria-label": found.name });
    return el("label", { class: "good" }, el("span", {}, found.name, el("small", {}, `${found.code} · ${money(price, currency)}`)), count);
  }

  function sum() {
    const inputs = [...byId("shop-rows").querySelectorAll("input")];
    const total = inputs.reduce((all, one) => all + one.valueAsNumber * one.dataset.price || all, 0);
    byId("shop-total").textContent = words.total.replace("{amount}", money(total, currency));
    byId("shop-send").disabled = !inputs.some((one) => one.valueAsNumber > 0);
  }
  byId("shop-rows").oninput = sum;
}

export function wireShop() {
  byId("shop-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const counted = [...byId("shop-rows").querySelectorAll("input")].filter((one) => one.valueAsNumber > 0);
    const items = counted.map((one) => ({ code: one.dataset.code, quantity: one.valueAsNumber }));
    if (await chosen(items, event.target.elements.note.value)) byId("shop-dialog").close();
  });
}

"use strict";
// Shows, sorts, filters and subtracts what the page holds; makes no HTML of any text.
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  for (const part of all(".scripted")) part.hidden = false;

  // Thousands of pictures would take seconds to load, so they are when they come near what is in view.
  const load = (part) => {
    for (const picture of all("img[data-src]", part)) {
      picture.src = picture.dataset.src;
      delete picture.dataset.src;
    }
  };
  const near = (then) => new IntersectionObserver(
    (seen) => { for (const each of seen) if (each.isIntersecting) then(each.target); },
    { rootMargin: "50%" },
  );
  const shelves = near(load);
  for (const figure of all(".shelf figure")) shelves.observe(figure);
  window.addEventListener("beforeprint", () => load(document));

  for (const film of all(".film")) {
    const frames = all("figure", film);
    const slider = film.querySelector("input");
    const show = () => {
      frames.forEach((frame, number) => { frame.hidden = number !== Number(slider.value); });
      load(frames[slider.value]);
      slider.setAttribute("aria-valuetext", frames[slider.value].querySelector("figcaption").textContent);
    };
    slider.addEventListener("input", show);
    show();
  }

  const list = document.querySelector(".cards");
  if (!list) return;
  const cards = all(".card", list);
  const control = (id) => document.getElementById(id);
  const buttons = all("button[data-key]");
  const text = new Intl.Collator(undefined, { numeric: true });
  const number = (card, key) => (card.dataset[key] === undefined ? NaN : Number(card.dataset[key]));
  let key = "place";
  let down = false;

  const tell = () => {
    const shown = cards.filter((card) => !card.hidden).length;
    const name = buttons.find((button) => button.dataset.key === key).textContent;
    const first = key === "place" || key === "id" ? ["first", "last"] : ["smallest", "largest"];
    control("count").textContent = `${shown} of ${cards.length} images, by ${name} from the ${first[Number(down)]} on`;
  };

  const compare = (one, other) => {
    const sign = down ? -1 : 1;
    if (key === "id") return sign * text.compare(one.dataset.id, other.dataset.id);
    const [a, b] = [number(one, key), number(other, key)];
    if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b); // without a figure: always last
    return a === b ? number(one, "place") - number(other, "place") : sign * (a < b ? -1 : 1);
  };

  for (const button of buttons) {
    button.addEventListener("click", () => {
      down = key === button.dataset.key && !down;
      key = button.dataset.key;
      for (const each of buttons) {
        each.setAttribute("aria-pressed", each === button);
        each.dataset.direction = each === button ? (down ? "down" : "up") : "";
      }
      list.append(...cards.sort(compare));
      tell();
    });
  }

  const filter = () => {
    const wanted = control("text").value.toLowerCase();
    const status = control("status").value;
    for (const card of cards) {
      card.hidden = (status !== "" && card.dataset.status !== status) || !card.dataset.id.toLowerCase().includes(wanted);
    }
    tell();
  };
  control("text").addEventListener("input", filter);
  control("status").addEventListener("change", filter);

  // The difference of two pictures is what the browser's blending makes of them, one over the other.
  const subtract = (card) => {
    const pictures = ["target", "reconstruction"].map((what) => card.querySelector(`[data-what="${what}"] img`));
    if (pictures.includes(null) || card.querySelector(".difference")) return;
    const figure = document.createElement("figure");
    const stack = document.createElement("div");
    const caption = document.createElement("figcaption");
    figure.className = "difference";
    stack.className = "stack";
    stack.setAttribute("role", "img");
    stack.setAttribute("aria-label", `difference of target and reconstruction of ${card.dataset.id}`);
    stack.append(...pictures.map((picture) => picture.cloneNode()));
    for (const copy of stack.children) copy.alt = "";
    caption.textContent = "difference";
    figure.append(stack, caption);
    card.querySelector(".pictures").append(figure);
  };
  const eye = near((card) => {
    load(card);
    if (control("difference").checked) subtract(card);
  });
  const look = () => {
    list.classList.toggle("with-difference", control("difference").checked);
    for (const card of cards) {
      eye.unobserve(card); // so that those in view are told of again
      eye.observe(card);
    }
  };
  control("difference").addEventListener("change", look);
  control("gain").addEventListener("change", (event) => list.style.setProperty("--gain", event.target.value));
  control("side").addEventListener("input", (event) => list.style.setProperty("--side", `${event.target.value}px`));
  look();
  filter();
})();

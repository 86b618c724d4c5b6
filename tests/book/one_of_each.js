// Before axe looks at the contrast: mark one text of each kind for it (data-contrast), where kind is
// the place in the page, the style and the ground. A chapter holds thousands of formulas, each of many
// elements, and pieces of coloured code: beyond one of each kind only a text is kept.
() => {
  const once = (say) => {
    const known = new Map();
    return (box) => {
      if (!known.has(box)) known.set(box, say(box));
      return known.get(box);
    };
  };
  const ground = once((box) => {
    const own = getComputedStyle(box).backgroundColor;
    return own !== "rgba(0, 0, 0, 0)" || !box.parentElement ? own : ground(box.parentElement);
  });
  const name = (box) => `${box.tagName}.${box.getAttribute("class")}`;
  const place = once((box) => (box ? `${place(box.parentElement)} ${name(box)}` : ""));
  const look = (box) => {
    const { color, fontSize, fontWeight, opacity } = getComputedStyle(box);
    return [color, fontSize, fontWeight, opacity, ground(box)];
  };
  const firsts = (boxes, kind) => {
    const seen = new Set();
    return boxes.filter((box) => seen.size < seen.add(String(kind(box))).size);
  };
  // A formula's glyphs are no text to axe; a word in its place shows the colour.
  const formulas = [...document.querySelectorAll("mjx-container")];
  const whole = new Set(firsts(formulas, (box) => box.getAttribute("display")));
  for (const box of formulas.filter((one) => !whole.has(one))) box.replaceWith("formula");
  const pieces = [...document.querySelectorAll("pre span[class]:not(:has(*))")];
  const kept = new Set(firsts(pieces, (box) => [name(box), look(box)]));
  for (const box of pieces.filter((one) => !kept.has(one))) box.replaceWith(box.textContent);
  const speaks = (box) => [...box.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  const texts = [...document.body.querySelectorAll("*")].filter((box) => speaks(box) || box.value);
  for (const box of firsts(texts, (box) => [place(box), look(box)])) box.dataset.contrast = "";
}

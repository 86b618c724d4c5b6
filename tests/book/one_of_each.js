// Before axe looks at the contrast: mark one text of each kind for it (data-contrast), where kind is
// the place in the page, the style and the ground. A chapter holds thousands of formulas and pieces
// of coloured code, each of many elements: beyond one of each kind only their text is kept.
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
  const pieces = [...document.querySelectorAll("pre span[class]:not(:has(*)), mjx-container")];
  const kept = new Set(firsts(pieces, (box) => [name(box), box.getAttribute("display"), look(box)]));
  for (const piece of pieces.filter((one) => !kept.has(one))) {
    if (piece.tagName === "SPAN") piece.replaceWith(piece.textContent);
    else piece.textContent = "x";
  }
  const speaks = (box) => [...box.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  const texts = [...document.body.querySelectorAll("*")].filter((box) => speaks(box) || box.value);
  for (const box of firsts(texts, (box) => [place(box), look(box)])) box.dataset.contrast = "";
}

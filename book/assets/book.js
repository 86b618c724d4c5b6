// A formula wider than the page scrolls; then the keyboard must reach it.
window.addEventListener("load", () => {
  const reach = () => {
    for (const formula of document.querySelectorAll("mjx-container")) {
      if (formula.scrollWidth > formula.clientWidth + 1) formula.tabIndex = 0;
      else formula.removeAttribute("tabindex");
    }
  };
  window.MathJax?.startup?.promise.then(reach);
  window.addEventListener("resize", reach);
});

"""A live figure on an open page, and hands to play it with."""

LABORATORY = "book/laboratory.html"


class Played:
    """The first figure of a kind on a visited page."""

    def __init__(self, seen, name):
        self.seen = seen
        self.page = self.seen.page
        self.figure = self.page.locator(f"[data-live={name}]").first
        self.stage = f"document.querySelector('[data-live={name}]').stage"
        self.figure.scroll_into_view_if_needed()
        self.figure.locator(".gb-body").wait_for()

    def get(self, expression):
        """A value of the stage, e.g. `game.iteration`."""
        return self.page.evaluate(f"{self.stage}.{expression}")

    def button(self, name):
        return self.figure.get_by_role("button", name=name)

    def more(self):
        if not self.figure.locator("details.gb-more").evaluate("fold => fold.open"):
            self.figure.locator("summary").click()

    def until(self, condition, seconds=30):
        """Wait for a condition on `stage`."""
        condition = condition.replace("stage", self.stage)
        self.page.wait_for_function(f"() => {condition}", timeout=1000 * seconds)

    def says(self, words):
        """Wait until the status sentence holds some words; it changes once a second."""
        self.until(f"stage.root.querySelector('[role=status]').textContent.includes({words!r})")

    def reached(self, tabs=40):
        """Names of what the key Tab reaches from the first button on."""
        names = set()
        self.figure.get_by_role("button").first.focus()
        for _ in range(tabs):
            names.add(self.page.evaluate(
                "(document.activeElement.labels?.[0] ?? document.activeElement).textContent.trim()"
                " || document.activeElement.getAttribute('aria-label')") or "")  # fmt: skip
            self.page.keyboard.press("Tab")
        return names

    def check_quiet(self):
        """Nothing has gone wrong in a script."""
        assert not self.seen.complaints, self.seen.complaints

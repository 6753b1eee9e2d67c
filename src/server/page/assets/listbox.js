// A list of which one entry is chosen: with the pointer, or with the arrow keys.

/**
 * Makes `list` choose. `chosen(row, byKey)` is called with each entry that is chosen. Entries are
 * the children with the role `option`; those that are hidden are passed over.
 */
export function listbox(list, chosen) {
  const rows = () => [...list.querySelectorAll('[role="option"]:not([hidden])')];
  const current = () => list.querySelector('[aria-selected="true"]');

  const choose = (row) => {
    if (!row) return;
    const before = current();
    if (before === row) return;
    before?.setAttribute("aria-selected", "false");
    row.setAttribute("aria-selected", "true");
    list.setAttribute("aria-activedescendant", row.id);
    row.scrollIntoView({ block: "nearest" });
    chosen(row);
  };

  list.addEventListener("click", (event) => choose(event.target.closest('[role="option"]')));
  list.addEventListener("keydown", (event) => {
    const all = rows();
    const at = all.indexOf(current());
    const page = Math.max(1, Math.floor(list.clientHeight / (all[0]?.offsetHeight || 30)) - 1);
    const to = {
      ArrowDown: at + 1, ArrowUp: at < 0 ? 0 : at - 1, Home: 0, End: all.length - 1,
      PageDown: at + page, PageUp: at - page,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    choose(all[Math.min(Math.max(to, 0), all.length - 1)]);
  });
  return { choose, current };
}

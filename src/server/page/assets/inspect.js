// The inspector: the tabs, the tools, and how the panes follow the feed.

const element = (id) => document.getElementById(id);

// --- The tabs ------------------------------------------------------------------------------------

const tabs = ["live", "lab"];

/** `#live`, `#lab`; and a frame in hexadecimal, `#8185...`, is one for the lab. */
function chosenTab() {
  const hash = location.hash.slice(1);
  return hash.startsWith("lab") || /^[0-9a-f]{2,}/i.test(hash) ? "lab" : "live";
}

function showTab() {
  const chosen = chosenTab();
  for (const name of tabs) {
    const tab = element(`tab-${name}`);
    tab.setAttribute("aria-selected", String(name === chosen));
    tab.tabIndex = name === chosen ? 0 : -1;
    element(name).hidden = name !== chosen;
  }
}

for (const name of tabs) {
  element(`tab-${name}`).addEventListener("keydown", (event) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    const other = tabs.find((tab) => tab !== name);
    location.hash = other;
    element(`tab-${other}`).focus();
  });
}
addEventListener("hashchange", showTab);
showTab();

// Puts the reader's local time into the tooltip of every time on the page.
// Everything works without it.
"use strict";
const local = (root) => {
  for (const t of root.querySelectorAll("time[datetime]")) {
    t.title = new Date(t.dateTime).toLocaleString();
  }
};
local(document);
document.addEventListener("htmx:afterSwap", () => local(document));

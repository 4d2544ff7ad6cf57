"use strict";
// A click on a header sorts by its column, a second one the other way round; what is no number stays below.
for (const header of document.querySelectorAll("table.sortable th")) {
  const sort = () => {
    const table = header.closest("table");
    const up = header.getAttribute("aria-sort") !== "ascending";
    for (const other of table.querySelectorAll("th")) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", up ? "ascending" : "descending");
    const key = (row) => row.cells[header.cellIndex].dataset.value;
    const compare = (a, b) => {
      if (key(a) === undefined || key(b) === undefined)
        return (up ? 1 : -1) * a.cells[header.cellIndex].textContent.localeCompare(b.cells[header.cellIndex].textContent);
      const x = parseFloat(key(a)), y = parseFloat(key(b));
      if (isNaN(x) || isNaN(y)) return isNaN(x) - isNaN(y);
      return up ? x - y : y - x;
    };
    const body = table.tBodies[0];
    body.append(...[...body.rows].sort(compare));
  };
  header.tabIndex = 0;
  header.addEventListener("click", sort);
  header.addEventListener("keydown", (event) => { if (event.key === "Enter") sort(); });
}

// Tables that sort by a click on the head of a column: numbers by their value, all else as people order names.

const order = new Intl.Collator(undefined, { numeric: true });

function keyOf(row, column) {
  const cell = row.cells[column];
  return cell.dataset.sort === undefined ? cell.textContent.trim() : cell.dataset.sort === "" ? null : Number(cell.dataset.sort);
}

// What is not known stays at the end, whichever way round.
function compare(a, b, way) {
  if (a === null || b === null) return (a === null) - (b === null);
  return way * (typeof a === "number" && typeof b === "number" ? a - b : order.compare(a, b));
}

function sortBy(table, column, way) {
  const rows = [...table.tBodies[0].rows].map((row) => [keyOf(row, column), row]);
  rows.sort(([a], [b]) => compare(a, b, way));
  table.tBodies[0].append(...rows.map(([, row]) => row));
  [...table.tHead.rows[0].cells].forEach((cell, i) => {
    if (i === column) cell.setAttribute("aria-sort", way > 0 ? "ascending" : "descending");
    else cell.removeAttribute("aria-sort");
  });
}

function offerSorting(table) {
  [...table.tHead.rows[0].cells].forEach((cell, column) => {
    if (cell.tagName !== "TH") return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.append(...cell.childNodes);
    cell.append(button);
    button.addEventListener("click", () => {
      const first = cell.classList.contains("number") ? "descending" : "ascending";
      const next = cell.getAttribute("aria-sort") === first ? -1 : 1;
      sortBy(table, column, first === "ascending" ? next : -next);
    });
  });
}

document.querySelectorAll("table.sortable").forEach(offerSorting);
document.documentElement.dataset.ready = "true";

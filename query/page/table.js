"use strict";
/*
 * table.js - sorts and filters the tables of render_html.c. The table is the data: what a cell
 * holds exactly is in data-v, or else its text; an empty data-v is NULL. Of a long table the
 * first rows are shown, and more when asked for: the others are not in the document meanwhile,
 * so that a browser need not lay them out.
 */
(() => {
	const STEP = 500;
	const collator = new Intl.Collator(undefined, { numeric: true });
	const isNull = (cell) => cell.dataset.v === "";
	const exact = (cell) => cell.dataset.v || cell.textContent;
	/* Whole numbers are of 64 bits, of which a Number has 53. */
	const numberOf = (text) => /^-?\d+$/.test(text) ? BigInt(text) : Number(text);
	const count = (n, what) => `${n.toLocaleString("en")} ${what}${n === 1 ? "" : "s"}`;

	const make = (tag, properties, ...children) => {
		const element = Object.assign(document.createElement(tag), properties);

		element.append(...children);
		return element;
	};

	/* What compares two rows by a column; NULL is last either way. */
	const comparison = (column, kind, falling) => {
		const sign = falling ? -1 : 1;
		const values = new Map();
		const value = (row) => {
			const cell = row.cells[column];

			if (!values.has(row))
				values.set(row, isNull(cell) ? null : ["text", "at"].includes(kind)
					? exact(cell) : numberOf(exact(cell)));
			return values.get(row);
		};

		return (a, b) => {
			const x = value(a), y = value(b);

			if (x === null || y === null)
				return (x === null) - (y === null);
			return sign * (kind === "text" ? collator.compare(x, y) : (x > y) - (x < y));
		};
	};

	class Table {
		constructor(table) {
			this.table = table;
			this.body = table.tBodies[0];
			this.heads = [...table.tHead.rows[0].cells];
			this.rows = [...this.body.rows];
			this.order = this.rows;
			this.filters = new Map(); /* column: {value, shown}; a value of null is NULL */
			this.words = [];
			this.most = STEP;
			this.addTools();
			this.heads.forEach((head, column) => this.addButton(head, column));
			this.body.addEventListener("click", (event) => this.clicked(event));
			this.body.addEventListener("keydown", (event) => this.pressed(event));
			this.body.addEventListener("pointerover", (event) => this.explain(event.target));
			this.body.addEventListener("focusin", (event) => this.explain(event.target));
			table.setAttribute("role", "grid"); /* arrows move from cell to cell */
			this.show();
			table.dataset.ready = "";
		}

		addTools() {
			const box = this.table.closest(".table");

			this.status = box.querySelector(".count");
			this.search = make("input", { type: "search", placeholder: "text in any cell" });
			this.search.addEventListener("input", () => {
				this.words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
				this.show();
			});
			this.exact = make("input", { type: "checkbox" });
			this.exact.addEventListener("change", () =>
				this.table.classList.toggle("exact", this.exact.checked));
			this.chips = make("span", { className: "chips" });
			box.prepend(make("div", { className: "tools" },
				make("label", {}, "Find ", this.search),
				make("label", {}, this.exact, " exact numbers"), this.status, this.chips));
			this.more = make("div", { className: "more", hidden: true });
			box.append(this.more);
		}

		addButton(head, column) {
			const button = make("button", { type: "button" }, ...head.childNodes);

			button.title = `${head.dataset.column}: sort`;
			button.addEventListener("click", () => this.sort(head, column));
			head.append(button);
		}

		/* Numbers and moments the greatest first, text from A on; then the other way round;
		 * then as it was. */
		sort(head, column) {
			const kind = head.dataset.kind;
			const ways = kind === "text" ? ["ascending", "descending", null]
				: ["descending", "ascending", null];
			const next = ways[(ways.indexOf(head.getAttribute("aria-sort")) + 1) % 3];

			this.heads.forEach((other) => other.removeAttribute("aria-sort"));
			this.sorted = next ? `, sorted by ${head.dataset.column}, ${next}` : "";
			if (next)
				head.setAttribute("aria-sort", next);
			this.order = next
				? this.rows.slice().sort(comparison(column, kind, next === "descending"))
				: this.rows;
			this.show();
		}

		/* Only rows whose cell is @value; or all again, when that is so already. */
		filter(column, value, shown) {
			if (this.filters.get(column)?.value === value)
				this.filters.delete(column);
			else
				this.filters.set(column, { value, shown });
			this.show();
		}

		matches(row) {
			for (const [column, { value }] of this.filters) {
				const cell = row.cells[column];

				if (isNull(cell) ? value !== null : exact(cell) !== value)
					return false;
			}
			if (this.words.length === 0)
				return true;
			row.text ??= [...row.cells].map((cell) =>
				`${cell.textContent}\n${cell.dataset.v ?? ""}`).join("\n").toLowerCase();
			return this.words.every((word) => row.text.includes(word));
		}

		show() {
			const rows = this.order.filter((row) => this.matches(row));
			const shown = rows.slice(0, this.most);
			const part = document.createDocumentFragment();

			for (const row of shown) {
				part.append(row);
				for (const cell of row.cells)
					cell.toggleAttribute("data-on", this.filters.has(cell.cellIndex));
			}
			this.body.replaceChildren(part);
			this.tell(rows.length, shown.length);
			this.showChips();
			this.showMore(rows.length - shown.length);
			this.enter(this.body.rows[0]?.cells[0], false);
		}

		tell(matching, shown) {
			const all = this.rows.length;
			let text = matching === all ? count(all, "row")
				: `${matching.toLocaleString("en")} of ${count(all, "row")}`;

			if (shown < matching)
				text += `, the first ${shown.toLocaleString("en")} shown`;
			this.status.textContent = text + (this.sorted ?? "");
		}

		showChips() {
			this.chips.replaceChildren(...[...this.filters].map(([column, { value, shown }]) => {
				const chip = make("button", { type: "button", className: "chip" },
					`${this.heads[column].dataset.column} is `, make("bdi", {}, shown));

				chip.title = "Show all again";
				chip.addEventListener("click", () => {
					this.filter(column, value, shown);
					this.search.focus();
				});
				return chip;
			}));
		}

		showMore(hidden) {
			const button = (text, most) => {
				const element = make("button", { type: "button" }, text);

				element.addEventListener("click", () => {
					const first = this.body.rows.length;

					this.most = most;
					this.show();
					this.enter(this.body.rows[first]?.cells[0], true);
				});
				return element;
			};

			this.more.hidden = hidden === 0;
			if (hidden > 0)
				this.more.replaceChildren(
					button(count(Math.min(this.most, hidden), "more row"), this.most * 2),
					button("All rows", Infinity));
		}

		/* One cell is where Tab gets to; the arrows move it. */
		enter(cell, focus) {
			if (!cell)
				return;
			if (this.entered)
				this.entered.removeAttribute("tabindex");
			this.entered = cell;
			cell.tabIndex = 0;
			if (focus)
				cell.focus();
		}

		clicked(event) {
			const cell = event.target.closest("td");

			if (!cell || !getSelection().isCollapsed) /* text was marked */
				return;
			this.toggle(cell);
		}

		toggle(cell) {
			this.filter(cell.cellIndex, isNull(cell) ? null : exact(cell), cell.textContent || exact(cell));
			this.enter(cell.isConnected ? cell : this.body.rows[0]?.cells[cell.cellIndex], true);
		}

		pressed(event) {
			const cell = event.target.closest("td");
			const row = cell?.parentNode;
			const to = {
				ArrowLeft: () => cell.previousElementSibling,
				ArrowRight: () => cell.nextElementSibling,
				ArrowUp: () => row.previousElementSibling?.cells[cell.cellIndex],
				ArrowDown: () => row.nextElementSibling?.cells[cell.cellIndex],
				Home: () => row.cells[0],
				End: () => row.cells[row.cells.length - 1],
			}[event.key];

			if (!cell || event.ctrlKey || event.altKey || event.metaKey)
				return;
			if (to)
				this.enter(to(), true);
			else if (event.key === "Enter" || event.key === " ")
				this.toggle(cell);
			else
				return;
			event.preventDefault();
		}

		/* What a number is exactly, for who points at it. */
		explain(target) {
			const cell = target.closest?.("td");
			const units = { us: " \u00b5s", bytes: " bytes", "bytes-per-s": " bytes per second" };

			if (!cell?.dataset.v || cell.title)
				return;
			cell.title = cell.dataset.v.replace(/^\d+$/, (n) => BigInt(n).toLocaleString("en"))
				+ (units[this.heads[cell.cellIndex].dataset.kind] ?? "");
		}
	}

	document.addEventListener("DOMContentLoaded", () => {
		for (const table of document.querySelectorAll("table.rows"))
			new Table(table);
	});
})();

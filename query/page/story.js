"use strict";
/*
 * story.js - what is pointed at in a chart is told beneath it, for who uses keys, too; and what
 * is not of the party that is clicked on is dimmed, in charts and in tables. A party has
 * data-key, p3 being the program number 3, and data-text, data-more and data-port as the tables
 * have them; data-with has the keys of those it has connections in common with.
 */
(() => {
	const all = (selector, from = document) => [...from.querySelectorAll(selector)];
	const steps = ".column, .life, .gap, .link, .node, .bar-row";
	let chosen = null; /* the key */

	/* ---- what is pointed at ---- */

	const told = (element) => element.getAttribute("title")
		?? element.querySelector("title")?.textContent ?? "";

	const point = (figure, element) => {
		all(".at", figure).forEach((other) => other.classList.remove("at"));
		element?.classList.add("at");
		figure.readout.textContent = element ? told(element) : "";
	};

	/* Left and right go from column to column of a picture. */
	const walk = (figure, svg, event) => {
		const elements = all(".column, .life", svg);
		const at = elements.indexOf(svg.querySelector(".at"));
		const to = {
			ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at < 0 ? elements.length - 1 : at - 1,
			ArrowUp: at < 0 ? elements.length - 1 : at - 1, Home: 0, End: elements.length - 1,
		}[event.key];

		if (to === undefined || event.ctrlKey || event.altKey || event.metaKey)
			return;
		event.preventDefault();
		point(figure, elements[Math.min(Math.max(to, 0), elements.length - 1)]);
	};

	const listen = (figure) => {
		figure.readout = document.createElement("p");
		figure.readout.className = "readout";
		figure.readout.setAttribute("aria-live", "polite");
		figure.querySelector("details")?.before(figure.readout);
		figure.addEventListener("pointerover", (event) =>
			point(figure, event.target.closest?.(steps)));
		figure.addEventListener("pointerleave", () => point(figure, null));
		figure.addEventListener("focusin", (event) =>
			point(figure, event.target.closest?.(steps)));
		for (const svg of all("svg[role=img]", figure)) {
			svg.tabIndex = 0;
			svg.addEventListener("keydown", (event) => walk(figure, svg, event));
		}
	};

	/* ---- what is of a party ---- */

	const parties = new Map(); /* key: {text, more, port, with, name} */

	const learn = (element) => {
		const { key, text, more, port } = element.dataset;

		if (parties.has(key) || element.localName !== "button")
			return;
		parties.set(key, {
			text: text ?? null, more: more ?? null, port, name: element.querySelector(".name").textContent,
			with: new Set(element.dataset.with.split(" ")),
		});
	};

	/* What a row of a table says of itself: cells by the names of their columns. */
	const cellsOf = (row) => {
		const heads = row.closest("table").tHead.rows[0].cells;
		const cells = {};

		[...row.cells].forEach((cell, i) => {
			const name = heads[i]?.dataset.column;

			if (name)
				cells[name] = cell.dataset.v === "" ? null : cell.dataset.v ?? cell.textContent;
		});
		return cells;
	};

	/* Whether the row is that party's by its own words; undefined: they do not tell. */
	const isOf = (cells, key, party) => {
		switch (key[0]) {
		case "p":
			if ("comm" in cells)
				return cells.comm === party.text;
			return undefined;
		case "c":
			if ("container" in cells)
				return cells.container === party.text && (!("pod" in cells) || cells.pod === party.more);
			return undefined;
		case "d":
			if (!("peer_addr" in cells) || cells.direction === "in")
				return "peer_addr" in cells ? false : undefined;
			if (cells.peer_addr !== party.text)
				return false;
			return "service_port" in cells ? cells.service_port === party.port
				: "peer_port" in cells ? cells.peer_port === party.port : true;
		default:
			if (!("peer_addr" in cells) || cells.direction === "out")
				return "peer_addr" in cells ? false : undefined;
			return cells.peer_addr === party.text;
		}
	};

	const isRowOf = (row, key) => {
		if (row.dataset.with !== undefined)
			return row.dataset.with.split(" ").includes(key);
		const cells = cellsOf(row), party = parties.get(key);
		const own = isOf(cells, key, party);
		const words = cells.programs ?? cells.served_by;

		if (own !== undefined)
			return own;
		if (!["comm", "container", "peer_addr"].some((name) => name in cells))
			return true; /* of no party at all, as what is over time */
		if (key[0] === "p" && words && words.split(", ").includes(party.text ?? "-"))
			return true;
		for (const [other, { with: others }] of parties)
			if (others.has(key) && other[0] !== key[0] && isOf(cells, other, parties.get(other)))
				return true;
		return false;
	};

	/* A table takes rows that are not shown out of the document: each is asked when it is. */
	const dim = () => {
		for (const element of all("[data-key]"))
			element.setAttribute("aria-pressed", element.dataset.key === chosen);
		for (const element of all("figure [data-with]:not(tr)"))
			element.classList.toggle("off",
				chosen !== null && !element.dataset.with.split(" ").includes(chosen));
		for (const row of all("main tbody tr"))
			row.classList.toggle("off", chosen !== null && !isRowOf(row, chosen));
	};

	const choose = (key, only) => {
		chosen = key === chosen ? null : key;
		only.hidden = chosen === null;
		only.firstChild.replaceChildren("Only what is of ");
		if (chosen !== null) {
			const name = document.createElement("bdi");

			name.textContent = parties.get(chosen).name;
			only.firstChild.append(name, "; what is over time is of all");
		}
		dim();
	};

	const addOnly = () => {
		const only = document.createElement("p"), button = document.createElement("button");

		only.className = "only";
		only.hidden = true;
		only.setAttribute("role", "status");
		button.type = "button";
		button.textContent = "Show all (Esc)";
		only.append(document.createElement("span"), button);
		document.querySelector("main").prepend(only);
		button.addEventListener("click", () => choose(null, only));
		return only;
	};

	document.addEventListener("DOMContentLoaded", () => {
		const figures = all("figure.chart");

		if (figures.length === 0)
			return;
		figures.forEach(listen);
		all("[data-key]").forEach(learn);
		const only = addOnly();

		document.addEventListener("click", (event) => {
			const element = event.target.closest?.("[data-key]");

			if (element && parties.has(element.dataset.key))
				choose(element.dataset.key, only);
		});
		document.addEventListener("keydown", (event) => {
			const element = event.target.closest?.("g[data-key]");

			if (event.key === "Escape" && chosen !== null)
				choose(null, only);
			if (element && [" ", "Enter"].includes(event.key)) {
				event.preventDefault();
				choose(element.dataset.key, only);
			}
		});
		const observer = new MutationObserver(dim); /* also those that come back undimmed */

		for (const body of all("main tbody"))
			observer.observe(body, { childList: true });
	});
})();

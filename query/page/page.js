"use strict";
/* page.js - light or dark: as the system says, or as the reader does. */
document.documentElement.classList.add("js");

document.addEventListener("DOMContentLoaded", () => {
	const root = document.documentElement;
	const dark = matchMedia("(prefers-color-scheme: dark)");
	const button = document.createElement("button");
	const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
	const tell = () => { button.textContent = isDark() ? "Light" : "Dark"; };

	button.type = "button";
	button.className = "theme";
	button.title = "Change between light and dark";
	button.addEventListener("click", () => {
		root.dataset.theme = isDark() ? "light" : "dark";
		tell();
	});
	dark.addEventListener("change", tell);
	tell();
	document.querySelector("header").append(button);
});

/* What Streamlit's frontend leaves out, on its own terms: it draws whatever the address says when the browser goes back
   (popstate), so a link of ours sets the address and says so. One entry in the history a click, and nothing is loaded
   anew. Knows no figure; The names that go from page to page and those of the pages are put in (kit/screen.py). */
(() => {
  if (window.bookwatch) return;
  // first_page.py hides until then. (Not at the next frame: a tab in the background has none.)
  window.setTimeout(() => document.documentElement.classList.add("bw-begun"), 30);
  const along = %ALONG%;
  const pages = %PAGES%;

  const go = (href) => {
    const to = new URL(href, window.location.href);
    if (to.href === window.location.href) return;
    window.history.pushState({}, "", to);
    window.dispatchEvent(new PopStateEvent("popstate"));
    document.querySelector("[data-testid=stMain]")?.scrollTo(0, 0);
    if (to.hash) reach(decodeURIComponent(to.hash.slice(1)), 40);
  };

  // The part of a page that an address names, once it is drawn.
  const reach = (anchor, times) => {
    const part = document.getElementById(anchor);
    if (part) part.scrollIntoView();
    else if (times) window.setTimeout(reach, 100, anchor, times - 1);
  };

  const plain = (event) =>
    event.button === 0 && !event.defaultPrevented && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;

  // The address of a page of the sidebar with what goes along as it is now.
  const taken = (link) => {
    const to = new URL(link.href);
    const now = new URLSearchParams(window.location.search);
    for (const name of along) {
      if (now.has(name)) to.searchParams.set(name, now.get(name));
      else to.searchParams.delete(name);
    }
    return to;
  };

  const clicked = (event) => {
    const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
    if (!link || !plain(event)) return;
    const own = link.closest(".bw") && link.target === "_self";
    const nav = link.matches("[data-testid=stSidebarNavLink]");
    if (!own && !nav) return;
    const to = nav ? taken(link) : new URL(link.href);
    if (to.origin !== window.location.origin || link.getAttribute("href").startsWith("#")) return;
    if (!pages.includes(to.pathname.slice(1))) return; // a report, or an earlier address: the server knows
    event.preventDefault();
    event.stopPropagation();
    go(to.href);
    // On a phone the sidebar lies over the page that was just chosen.
    if (window.innerWidth <= 768) document.querySelector("[data-testid=stSidebarCollapseButton] button")?.click();
  };

  // What axe and a screen reader would stumble over: lists of Streamlit's that hold more than items (the groups of the
  // sidebar), and what can be scrolled by the pointer alone.
  const NAV = "[data-testid=stSidebarNav]";
  const tidy = () => {
    for (const one of document.querySelectorAll(`${NAV} ul:not([role]), ${NAV} li:not([role])`)) one.setAttribute("role", "none");
    for (const one of document.querySelectorAll(".bw-scroll")) {
      if (one.scrollWidth > one.clientWidth + 1) one.setAttribute("tabindex", "0");
      else one.removeAttribute("tabindex");
    }
  };
  let asked = false;
  const soon = () => {
    if (asked) return;
    asked = true;
    window.setTimeout(() => { asked = false; tidy(); }, 150);
  };
  new MutationObserver(soon).observe(document.body, { childList: true, subtree: true });
  window.addEventListener("resize", soon);
  soon();

  // A page of the sidebar opened in another tab has what goes along too.
  document.addEventListener("pointerdown", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a[data-testid=stSidebarNavLink]") : null;
    if (link) link.href = taken(link).href;
  }, true);

  window.addEventListener("click", clicked, true);
  window.bookwatch = { go };
})();

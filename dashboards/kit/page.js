/* What Streamlit's frontend leaves out, on its own terms: it draws whatever the address says when the browser goes back
   (popstate), so a link of ours sets the address and says so. One entry in the history a click, and nothing is loaded
   anew. Knows no figure; %ALONG% are the names that go from page to page. */
(() => {
  if (window.bookwatch) return;
  const along = %ALONG%;
  const base = document.baseURI;

  const go = (href) => {
    const to = new URL(href, window.location.href);
    if (to.href === window.location.href) return;
    window.history.pushState({}, "", to);
    window.dispatchEvent(new PopStateEvent("popstate"));
    document.querySelector("[data-testid=stMain]")?.scrollTo(0, 0);
  };

  const plain = (event) =>
    event.button === 0 && !event.defaultPrevented && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;

  const clicked = (event) => {
    const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
    if (!link || !plain(event)) return;
    const own = link.closest(".bw") && link.target === "_self";
    const nav = link.matches("[data-testid=stSidebarNavLink]");
    if (!own && !nav) return;
    const to = new URL(link.href, base);
    if (to.origin !== window.location.origin || link.getAttribute("href").startsWith("#")) return;
    if (nav) {
      const now = new URLSearchParams(window.location.search);
      for (const name of along) if (now.has(name) && !to.searchParams.has(name)) to.searchParams.set(name, now.get(name));
    }
    event.preventDefault();
    event.stopPropagation();
    go(to.href);
    // On a phone the sidebar lies over the page that was just chosen.
    if (window.innerWidth <= 768) document.querySelector("[data-testid=stSidebarCollapseButton] button")?.click();
  };

  window.addEventListener("click", clicked, true);
  window.bookwatch = { go };
})();

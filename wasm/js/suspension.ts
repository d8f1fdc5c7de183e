// Whether anybody looks at this page: a hidden or frozen one is suspended, not gone.

/** Tells at once and from then on whether the page is looked at, until the function that is returned is called. */
export function watchVisibility(tell: (visible: boolean) => void): () => void {
  const page = globalThis.document as Document | undefined;
  // A worker has no page of its own, and nobody who closes it by mistake.
  if (!page) return () => undefined;
  const look = () => tell(page.visibilityState === "visible");
  const freeze = () => tell(false);
  const events: [string, () => void][] = [
    ["visibilitychange", look],
    ["freeze", freeze],
    ["resume", look],
  ];
  for (const [name, listener] of events) page.addEventListener(name, listener);
  return () => {
    for (const [name, listener] of events) page.removeEventListener(name, listener);
  };
}

/** Says whether somebody can see this page; without a page somebody always can. */
export function isVisible(): boolean {
  return (globalThis.document as Document | undefined)?.visibilityState !== "hidden";
}

// A message port as the module wants it: takes and gives messages, not events.

export function portOf(raw) {
  return {
    send: (message, transfer = []) => raw.postMessage(message, transfer),
    set onmessage(listen) {
      raw.onmessage = listen && (({ data }) => listen(data));
    },
  };
}

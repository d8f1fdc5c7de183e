// Ports: two ends that hand messages to each other, whatever carries them.

/** One end. */
export interface Port<Out, In> {
  send(message: Out, transfer?: Transferable[]): void;
  /** Takes messages from here on; those that came earlier are not lost if it is set in the same turn in which the port was made. */
  onmessage: ((message: In) => void) | undefined;
  close(): void;
}

/** A port within one page or process. */
export function messagePort<Out, In>(raw: MessagePort): Port<Out, In> {
  const port: Port<Out, In> = {
    send: (message, transfer = []) => raw.postMessage(message, transfer),
    onmessage: undefined,
    close: () => raw.close(),
  };
  // Set at once, which also starts the port.
  raw.onmessage = ({ data }: MessageEvent<In>) => port.onmessage?.(data);
  return port;
}

/**
 * A port between a worker and whoever started it, over the one channel that they have: whoever listens there says what came for this
 * port. What comes before somebody takes messages waits.
 */
export function workerPort<Out, In>(raw: { postMessage(message: Out, transfer: Transferable[]): void }): Port<Out, In> & { take(message: In): void } {
  const early: In[] = [];
  let listener: ((message: In) => void) | undefined;
  return {
    send: (message, transfer = []) => raw.postMessage(message, transfer),
    take: (message) => void (listener ? listener(message) : early.push(message)),
    get onmessage() {
      return listener;
    },
    set onmessage(listen) {
      listener = listen;
      if (listen) early.splice(0).forEach(listen);
    },
    close: () => {
      listener = () => undefined;
    },
  };
}

/** A port between tabs: a broadcast channel whose name only its two ends know. Bytes are copied; blobs cross as references. */
export function tabPort<Out, In>(name: string): Port<Out, In> {
  const raw = new BroadcastChannel(name);
  let open = true;
  const port: Port<Out, In> = {
    // A closed message port swallows what is sent; a closed broadcast channel would throw.
    send: (message) => void (open && raw.postMessage(message)),
    onmessage: undefined,
    close: () => {
      open = false;
      raw.close();
    },
  };
  raw.onmessage = ({ data }: MessageEvent<In>) => port.onmessage?.(data);
  return port;
}

/** Makes a name that nobody guesses. */
export function randomName(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

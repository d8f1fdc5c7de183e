// The reception of a service: lets in the views of other tabs, and notices when one of them is gone.

import { type Port, tabPort } from "./channel.js";
import type { ToService, ToView } from "./protocol.js";
import { houseName, PROTOCOL, type TabMessage, viewLock } from "./tabs.js";

/** A service as its reception sees it. */
interface Host {
  serve(port: Port<ToView, ToService>): () => void;
}

/** The reception of one service. */
export class Reception {
  readonly #channel: BroadcastChannel;
  readonly #leading: TabMessage;
  readonly #guests = new Map<string, Port<ToView, ToService>>();

  constructor(name: string, service: string, again: boolean) {
    this.#channel = new BroadcastChannel(houseName(name));
    this.#leading = { type: "leading", service, again };
  }

  /** Lets views in from here on. */
  receive(host: Host): void {
    this.#channel.onmessage = ({ data }: MessageEvent<TabMessage>) => {
      if (data.type !== "hello") return;
      const { channel, protocol } = data;
      if (protocol === PROTOCOL) this.#welcome(host, channel);
      else this.#channel.postMessage({ type: "stranger", channel, protocol: PROTOCOL } satisfies TabMessage);
    };
    this.#channel.postMessage(this.#leading);
  }

  /** Tells every tab that the vault was locked. */
  locked(): void {
    this.#channel.postMessage({ type: "locked" } satisfies TabMessage);
  }

  #welcome(host: Host, channel: string): void {
    let port = this.#guests.get(channel);
    if (!port) {
      port = tabPort<ToView, ToService>(channel);
      this.#guests.set(channel, port);
      const leave = host.serve(port);
      const gone = () => {
        this.#guests.delete(channel);
        leave();
      };
      // The view holds this lock for as long as it lives.
      void navigator.locks.request(viewLock(channel), gone);
    }
    port.send({ type: "pong" });
  }
}

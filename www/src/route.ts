// Where the person is: one of the places, and in which folder. The address shows the place only. Names of folders and the secrets of
// links stay in the history's own state, which no server, no bookmark and no list of visited pages sees.

import { Source } from "./element.ts";

export const PLACES = ["files", "network", "links", "storage", "settings"] as const;
export type Place = (typeof PLACES)[number];

interface Spot {
  readonly place: Place;
  /** The folder that is shown: `/`, `/photos`. */
  readonly folder: string;
  /** The link that is open, without `#`; the vault is not looked at then. */
  readonly link?: string;
  /** An invitation that came with the address. */
  readonly invitation?: string;
}

const LINK = "link/";
const INVITATION = "invite/";

class Route extends Source {
  #spot: Spot = { place: "files", folder: "/" };

  /** Reads the address, and takes out of it at once what nobody else may see. */
  start(): void {
    this.#arrive();
    window.addEventListener("popstate", () => this.#arrive());
    window.addEventListener("hashchange", () => this.#arrive());
  }

  get place(): Place {
    return this.#spot.place;
  }

  get folder(): string {
    return this.#spot.folder;
  }

  get link(): string | undefined {
    return this.#spot.link;
  }

  get invitation(): string | undefined {
    return this.#spot.invitation;
  }

  /** Goes to a place; a folder is remembered from one visit of the files to the next. */
  go(place: Place, folder = this.#spot.folder): void {
    if (place === this.#spot.place && folder === this.#spot.folder) return;
    this.#spot = { place, folder };
    history.pushState(this.#spot, "", `#${place}`);
    this.changed();
  }

  /** Leaves a link for the app itself. */
  leaveLink(): void {
    this.#spot = { place: "files", folder: "/" };
    history.pushState(this.#spot, "", "#files");
    this.changed();
  }

  #arrive(): void {
    const fragment = location.hash.slice(1);
    const remembered = spot(history.state);
    if (fragment.startsWith(LINK)) {
      this.#spot = { place: "files", folder: "/", link: fragment };
    } else if (fragment.startsWith(INVITATION)) {
      this.#spot = { place: "files", folder: "/", invitation: decodeURIComponent(fragment.slice(INVITATION.length)) };
    } else {
      const place = PLACES.find((place) => place === fragment) ?? remembered?.place ?? "files";
      this.#spot = { folder: this.#spot.folder, ...remembered, place };
    }
    const { link, place } = this.#spot;
    history.replaceState(this.#spot, "", link === undefined ? `#${place}` : location.pathname);
    this.changed();
  }
}

function spot(state: unknown): Spot | undefined {
  return typeof state === "object" && state !== null && "place" in state && "folder" in state ? (state as Spot) : undefined;
}

export const route = new Route();

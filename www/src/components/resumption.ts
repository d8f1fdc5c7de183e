// Begins a film or a song again where it stopped: when the browser ends the service worker in the middle of a request, or the page slept and
// did not answer it, the player takes its file for lost though nothing is wrong with it.

/** How often it is begun again at one place. */
const TRIES = 3;

export class Resumption {
  #place = -1;
  #tries = 0;

  /** Begins again what failed for want of bytes; `false` if that is not why it failed, or if it was tried often enough. */
  resume(player: HTMLMediaElement): boolean {
    if (player.error?.code !== MediaError.MEDIA_ERR_NETWORK) return false;
    const { currentTime, paused, readyState } = player;
    this.#tries = currentTime === this.#place ? this.#tries + 1 : 1;
    this.#place = currentTime;
    if (this.#tries > TRIES) return false;
    if (readyState > HTMLMediaElement.HAVE_NOTHING) player.autoplay = !paused;
    player.load();
    player.currentTime = currentTime;
    return true;
  }
}

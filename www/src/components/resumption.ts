// Begins a film or a song again where it stopped: when the browser ends the service worker in the middle of a request, or the page slept and
// did not answer it, the player takes its file for lost though nothing is wrong with it.

/** How often it is begun again at one place. */
const TRIES = 3;

export class Resumption {
  #place = -1;
  #tries = 0;
  /** The browser has played a part of it, so it is nothing that cannot be played. */
  #isPlayable = false;

  /** Begins again what failed for want of bytes; `false` if that is not why it failed, or if it was tried often enough. */
  resume(player: HTMLMediaElement): boolean {
    const { currentTime, error, paused, readyState } = player;
    this.#isPlayable ||= readyState > HTMLMediaElement.HAVE_NOTHING;
    // What fails before its first byte is called unplayable, whatever the reason.
    const isLost = error?.code === MediaError.MEDIA_ERR_SRC_NOT_SUPPORTED ? this.#isPlayable : error?.code === MediaError.MEDIA_ERR_NETWORK;
    if (!isLost) return false;
    this.#tries = currentTime === this.#place ? this.#tries + 1 : 1;
    this.#place = currentTime;
    if (this.#tries > TRIES) return false;
    if (readyState > HTMLMediaElement.HAVE_NOTHING) player.autoplay = !paused;
    player.load();
    player.currentTime = currentTime;
    return true;
  }
}

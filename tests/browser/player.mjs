// A film in its player, as the tests wait for it.

/** Waits for the first picture of a film that was opened, and stops it there. */
export async function firstPicture(video) {
  await video.waitFor();
  await video.evaluate((video) => {
    video.muted = true;
    video.pause();
    return video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA || new Promise((resolve) => video.addEventListener("loadeddata", resolve));
  });
}

/** Runs on the page: goes to a moment of a film, and returns where it is then. */
export async function seek(video, second) {
  const sought = new Promise((resolve) => video.addEventListener("seeked", resolve, { once: true }));
  video.currentTime = second;
  await sought;
  return video.currentTime;
}

import { CachetteError, Peer } from "cachette";

/** Puts a file where an invited node keeps it, and reads its beginning back. */
export async function firstSteps(invitation: string, film: Blob): Promise<Uint8Array> {
  await using peer = await Peer.open({ name: "films", invitation });
  try {
    const file = await peer.put(film, {
      path: "/films/one.mp4",
      signal: AbortSignal.timeout(60_000),
      onProgress: ({ phase, sealed, sent, total }) => console.log(phase, sealed, sent, total),
    });
    console.log(`${file.name}: ${file.safety}, ${file.copies?.durable ?? 0} of ${file.copies?.wanted ?? 0} copies`);
  } catch (error) {
    if (error instanceof CachetteError) console.log(error.code, error.hint);
    throw error;
  }
  const beginning = peer.get("/films/one.mp4", { range: { start: 0, end: 1024 } });
  return new Uint8Array(await new Response(beginning).arrayBuffer());
}

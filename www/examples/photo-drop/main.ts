import { type FileInfo, Peer } from "cachette";

const status = document.querySelector("#status")!;
const photos = document.querySelector("#photos")!;
const peer = await Peer.open({ name: "photo-drop" });
if (peer.recovery) alert(`Write these words down, they are the only way back:\n\n${peer.recovery.words}`);

async function show(file: FileInfo): Promise<void> {
  const image = new Image();
  image.src = URL.createObjectURL(await new Response(peer.get(file)).blob());
  image.alt = file.name;
  photos.append(image);
}

await peer.makeFolder("/photos");
for await (const file of peer.list("/photos")) await show(file);

document.body.addEventListener("dragover", (event) => event.preventDefault());
document.body.addEventListener("drop", async (event) => {
  event.preventDefault();
  const files = [...(event.dataTransfer?.files ?? [])];
  const items = files.map((source) => ({ path: `/photos/${source.name}`, source }));
  for await (const { path, file, error } of peer.putAll(items)) {
    status.textContent = error ? `${path}: ${error.message}` : `${path}: ${file.safety}`;
    if (file) await show(file);
  }
});

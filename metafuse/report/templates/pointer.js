// Mouse, pen and fingers on the map: hover or tap shows a row, dragging moves, pinching and Ctrl with the wheel zoom.
function listenToPointer({ canvas, zoom, move, show, hide }) {
  const held = new Map();
  let travelled = 0;
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  canvas.addEventListener("pointerdown", (event) => {
    held.set(event.pointerId, place(event));
    travelled = 0;
    if (event.pointerType === "mouse") canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    const now = place(event);
    const before = held.get(event.pointerId);
    if (!before) {
      if (event.pointerType === "mouse") show(now.x, now.y, 14);
      return;
    }
    travelled += Math.abs(now.x - before.x) + Math.abs(now.y - before.y);
    const other = [...held].find(([id]) => id !== event.pointerId);
    if (other) {
      const reach = (a, b) => Math.hypot(a.x - b.x, a.y - b.y) || 1;
      zoom(reach(now, other[1]) / reach(before, other[1]), (now.x + other[1].x) / 2, (now.y + other[1].y) / 2);
    } else if (travelled > 4) {
      move(now.x - before.x, now.y - before.y);
    }
    held.set(event.pointerId, now);
  });
  const release = (event) => {
    const was = held.delete(event.pointerId);
    if (was && event.type === "pointerup" && travelled <= 6) {
      const now = place(event);
      show(now.x, now.y, event.pointerType === "mouse" ? 14 : 26);
    }
  };
  for (const kind of ["pointerup", "pointercancel"]) canvas.addEventListener(kind, release);
  canvas.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") hide(); });
  canvas.addEventListener("dblclick", (event) => { const at = place(event); zoom(2, at.x, at.y); });
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const at = place(event);
    zoom(Math.exp(-event.deltaY / 200), at.x, at.y);
  }, { passive: false });
}

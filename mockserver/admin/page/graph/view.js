// The window on the picture: panned by dragging, zoomed by Ctrl and the wheel or by two fingers.

const clamped = (number, least, most) => Math.min(most, Math.max(least, number));
export const [LEAST_ZOOM, MOST_ZOOM] = [0.01, 2];
const MOVES = 4; // so many pixels make a drag of a press

/** `moved()` is called after every change of `view.zoom`, `view.x`, `view.y`: what of the picture is left and above.
 * `corner()` gives the width and height of what covers the right bottom corner.
 */
export function createView(box, moved, corner) {
  const fingers = new Map();
  let dragged = null; // where it began
  let hasMoved = false;

  const view = {
    zoom: 1, x: 0, y: 0,
    width: () => box.clientWidth || 800,
    height: () => box.clientHeight || 500,
    set(zoom, x, y) {
      Object.assign(view, { zoom: clamped(zoom, LEAST_ZOOM, MOST_ZOOM), x, y });
      moved();
    },
    /** So that what is at a point of the box stays there; its middle, unless it is said. */
    zoomed(zoom, left = view.width() / 2, top = view.height() / 2) {
      const to = clamped(zoom, LEAST_ZOOM, MOST_ZOOM);
      view.set(to, view.x + left / view.zoom - left / to, view.y + top / view.zoom - top / to);
    },
    /** A rectangle that is not in view, or lies in the corner of the minimap, gets into its middle. */
    reveal({ x, y, width, height }, room = 16) {
      const [wide, high] = [view.width() / view.zoom, view.height() / view.zoom];
      const isWithin = (right, bottom) => x - room >= view.x && y - room >= view.y && x + width + room <= view.x + right && y + height + room <= view.y + bottom;
      const [left, top] = corner().map((size) => size / view.zoom);
      if (isWithin(wide - left, high) || isWithin(wide, high - top)) return;
      view.set(view.zoom, Math.max(-room, x - (wide - width) / 2), Math.max(-room, y - (high - height) / 2));
    },
    /** Whether a press was a drag: then it is no click. */
    wasDrag() {
      const was = hasMoved;
      hasMoved = false;
      return was;
    },
  };
  const at = ({ clientX, clientY }) => {
    const { left, top } = box.getBoundingClientRect();
    return [clientX - left, clientY - top];
  };

  box.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    hasMoved = false;
    fingers.set(event.pointerId, at(event));
    dragged = at(event);
  });
  box.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    const [was, now] = [fingers.get(event.pointerId), at(event)];
    if (!hasMoved && Math.hypot(now[0] - dragged[0], now[1] - dragged[1]) < MOVES && fingers.size === 1) return;
    if (!hasMoved) box.setPointerCapture(event.pointerId);
    hasMoved = true;
    const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
    fingers.set(event.pointerId, now);
    if (other) {
      const apart = (one) => Math.hypot(one[0] - other[0], one[1] - other[1]) || 1;
      view.zoomed((view.zoom * apart(now)) / apart(was), ...other);
    } else view.set(view.zoom, view.x - (now[0] - was[0]) / view.zoom, view.y - (now[1] - was[1]) / view.zoom);
  });
  const lifted = (event) => fingers.delete(event.pointerId);
  box.addEventListener("pointerup", lifted);
  box.addEventListener("pointercancel", lifted);
  box.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (event.ctrlKey) view.zoomed(view.zoom * Math.exp(-event.deltaY / 200), ...at(event));
    else view.set(view.zoom, view.x + event.deltaX / view.zoom, view.y + event.deltaY / view.zoom);
  }, { passive: false });
  return view;
}

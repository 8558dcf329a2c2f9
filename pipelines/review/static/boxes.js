// A picture on which a box is drawn with a mouse, a pen or a finger. Boxes are in px of the picture itself.
export class BoxPicture {
  constructor(file, alt, changed) {
    Object.assign(this, { file, changed, box: null });
    this.figure = document.createElement("figure");
    this.figure.className = "boxed";
    this.image = new Image();
    this.image.alt = alt;
    this.image.draggable = false;
    this.frame = document.createElement("div");
    this.frame.className = "frame";
    this.frame.hidden = true;
    this.figure.append(this.image, this.frame);
    this.loaded = new Promise((done, failed) => { this.image.onload = done; this.image.onerror = failed; }).then(() => {
      // A tall picture must leave space on the screen for what is below it.
      this.figure.style.maxWidth = `min(100%, calc(60vh * ${this.image.naturalWidth / this.image.naturalHeight}))`;
    });
    this.image.src = URL.createObjectURL(file);
    this.figure.addEventListener("pointerdown", (event) => this.begin(event));
    this.figure.addEventListener("pointermove", (event) => this.drag(event));
    for (const end of ["pointerup", "pointercancel"]) this.figure.addEventListener(end, () => this.end());
  }

  get text() { return this.box ? this.box.join(",") : ""; }

  set(box) {
    this.box = box;
    this.frame.hidden = !box;
    if (!box) return;
    const { naturalWidth: width, naturalHeight: height } = this.image;
    const [x, y, w, h] = box;
    const sides = { left: x / width, top: y / height, width: w / width, height: h / height };
    for (const [name, share] of Object.entries(sides)) this.frame.style.setProperty(name, `${100 * share}%`);
  }

  begin(event) {
    if (event.button || !this.image.naturalWidth) return;
    event.preventDefault();
    this.figure.setPointerCapture(event.pointerId);
    this.start = this.at(event);
  }

  drag(event) {
    if (!this.start) return;
    const [x, y] = this.at(event), [left, top] = [Math.min(x, this.start[0]), Math.min(y, this.start[1])];
    const sides = [Math.abs(x - this.start[0]), Math.abs(y - this.start[1])];
    if (sides.every((side) => side >= 1)) this.set([left, top, ...sides]);
  }

  end() {
    if (this.start) this.changed(this.box);
    this.start = undefined;
  }

  at(event) {
    const place = this.image.getBoundingClientRect();
    const { naturalWidth: width, naturalHeight: height } = this.image;
    const within = (value, most) => Math.round(Math.min(Math.max(value, 0), most));
    return [
      within(((event.clientX - place.left) / place.width) * width, width),
      within(((event.clientY - place.top) / place.height) * height, height),
    ];
  }
}

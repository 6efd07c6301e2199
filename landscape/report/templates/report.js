(() => {
  "use strict";

  // Tables: a click on a heading sorts by it, a second one the other way round; empty cells stay last.
  const compare = (a, b) => {
    const empty = (v) => v === "" || v === undefined;
    if (empty(a) || empty(b)) return empty(a) - empty(b);
    return null;
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      head.querySelector("button").addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const number = head.classList.contains("number");
        const value = (row) => row.cells[column].dataset.v ?? row.cells[column].textContent;
        const rows = [...table.tBodies[0].rows].sort((one, two) => {
          const a = value(one), b = value(two);
          const blank = compare(a, b);
          if (blank !== null) return blank;
          const order = number ? Number(a) - Number(b) : a.localeCompare(b, "en", { numeric: true });
          return down ? -order : order;
        });
        table.tBodies[0].append(...rows);
      });
    });
  }

  // Pictures: a click shows one at its full size, to be scrolled, and back.
  for (const button of document.querySelectorAll("button.zoom")) {
    button.addEventListener("click", () => {
      const whole = button.parentElement.classList.toggle("whole");
      button.setAttribute("aria-pressed", String(whole));
    });
  }

  // The surface: facets, cells and paths sorted from the back to the front and painted on a canvas.
  const holder = document.getElementById("surface-data");
  const canvas = document.getElementById("surface");
  if (!holder || !canvas || !canvas.getContext) return;
  const data = JSON.parse(holder.textContent);
  document.getElementById("turning").hidden = false;
  const brush = canvas.getContext("2d");
  const home = { turn: 0, tilt: 0.85, zoom: 1 };
  const view = { ...home };
  const RISE = 0.62;
  const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  const ramp = data.ramp.map(rgb);
  const colour = (share) => {
    const at = Math.max(0, Math.min(ramp.length - 1.001, share * (ramp.length - 1)));
    const low = Math.floor(at);
    return ramp[low].map((c, k) => c + (at - low) * (ramp[low + 1][k] - c));
  };
  const n = data.n;
  const at = (i, j) => [-1 + (2 * j) / (n - 1), -1 + (2 * i) / (n - 1), data.height[i * n + j]];

  const facets = [];
  for (let i = 0; i < n - 1; i++) {
    for (let j = 0; j < n - 1; j++) {
      const corners = [at(i, j), at(i, j + 1), at(i + 1, j + 1), at(i + 1, j)];
      const known = [i * n + j, i * n + j + 1, (i + 1) * n + j, (i + 1) * n + j + 1].some((k) => data.known[k] === "1");
      const step = 2 / (n - 1);
      const slopeX = (RISE * (corners[1][2] + corners[2][2] - corners[0][2] - corners[3][2])) / (2 * step);
      const slopeY = (RISE * (corners[2][2] + corners[3][2] - corners[0][2] - corners[1][2])) / (2 * step);
      const light = (0.55 * slopeX - 0.45 * slopeY + 0.75) / Math.hypot(slopeX, slopeY, 1) / 1.03;
      const mean = (corners[0][2] + corners[1][2] + corners[2][2] + corners[3][2]) / 4;
      const base = known ? colour(mean) : [214, 210, 202];
      const shade = 0.55 + 0.6 * Math.max(0, Math.min(1, light));
      const fill = `rgb(${base.map((c) => Math.round(Math.min(255, c * shade))).join(",")})`;
      facets.push({ corners, fill });
    }
  }
  const triples = (flat) => {
    const found = [];
    for (let k = 0; k < flat.length; k += 3) found.push([flat[k], flat[k + 1], flat[k + 2]]);
    return found;
  };
  const cells = triples(data.cells.at).map((p, k) => ({ p, fill: data.cells.palette[data.cells.color[k]] }));
  const lines = data.lines.map((line) => ({ ...line, p: triples(line.at) }));
  const saddles = data.saddles.map((flat) => triples(flat)[0]);
  const attractors = data.attractors.map((a) => ({ ...a, p: triples(a.at)[0] }));

  let width = 0, tall = 0;
  const project = ([x, y, z], above = 0) => {
    const c = Math.cos(view.turn), s = Math.sin(view.turn);
    const right = c * x + s * y, away = -s * x + c * y, up = RISE * (z - 0.5) + above;
    const deep = away * Math.cos(view.tilt) - up * Math.sin(view.tilt);
    const k = (view.zoom * 0.345 * Math.min(width, tall * 1.4)) / (1 + 0.16 * deep);
    return [width / 2 + right * k, 0.47 * tall - (away * Math.sin(view.tilt) + up * Math.cos(view.tilt)) * k, deep, k];
  };
  const draw = () => {
    const ratio = window.devicePixelRatio || 1;
    width = canvas.clientWidth;
    tall = canvas.clientHeight;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(tall * ratio);
    brush.setTransform(ratio, 0, 0, ratio, 0, 0);
    brush.clearRect(0, 0, width, tall);
    const things = facets.map((f) => {
      const on = f.corners.map((p) => project(p));
      return { deep: (on[0][2] + on[1][2] + on[2][2] + on[3][2]) / 4, on, fill: f.fill, kind: 0 };
    });
    for (const cell of cells) {
      const on = project(cell.p, 0.015);
      things.push({ deep: on[2] - 0.03, on, fill: cell.fill, kind: 1 });
    }
    for (const line of lines) {
      const on = line.p.map((p) => project(p, 0.012));
      for (let k = 1; k < on.length; k++) {
        things.push({ deep: Math.min(on[k][2], on[k - 1][2]) - 0.03, on: [on[k - 1], on[k]], kind: 2 });
      }
    }
    things.sort((a, b) => b.deep - a.deep);
    for (const thing of things) {
      brush.beginPath();
      if (thing.kind === 0) {
        thing.on.forEach(([x, y], k) => (k ? brush.lineTo(x, y) : brush.moveTo(x, y)));
        brush.closePath();
        brush.fillStyle = brush.strokeStyle = thing.fill;
        brush.lineWidth = 0.7;
        brush.fill();
        brush.stroke();
      } else if (thing.kind === 1) {
        brush.arc(thing.on[0], thing.on[1], Math.max(1.4, 0.011 * thing.on[3]), 0, 2 * Math.PI);
        brush.fillStyle = thing.fill;
        brush.fill();
      } else {
        thing.on.forEach(([x, y], k) => (k ? brush.lineTo(x, y) : brush.moveTo(x, y)));
        brush.lineWidth = 1.8;
        brush.strokeStyle = "#22262b";
        brush.stroke();
      }
    }
    for (const p of saddles) {
      const [x, y] = project(p, 0.012);
      brush.beginPath();
      [[0, -5], [5, 0], [0, 5], [-5, 0]].forEach(([a, b], k) => (k ? brush.lineTo(x + a, y + b) : brush.moveTo(x + a, y + b)));
      brush.closePath();
      brush.fillStyle = "#ffffff";
      brush.strokeStyle = "#22262b";
      brush.lineWidth = 1.4;
      brush.fill();
      brush.stroke();
    }
    brush.font = "600 13px system-ui, sans-serif";
    brush.textAlign = "center";
    const taken = []; // boxes of the names that are written, so that none covers another
    for (const attractor of attractors) {
      const [x, y] = project(attractor.p, 0.012);
      const top = project([attractor.p[0], attractor.p[1], 1.08]);
      const half = brush.measureText(attractor.name).width / 2 + 3;
      top[0] = Math.max(half, Math.min(width - half, top[0]));
      while (taken.some(([u, v, w]) => Math.abs(top[0] - u) < half + w && Math.abs(top[1] - v) < 16)) top[1] -= 4;
      taken.push([top[0], top[1], half]);
      brush.beginPath();
      brush.moveTo(x, y);
      brush.lineTo(top[0], top[1]);
      brush.strokeStyle = "#22262b66";
      brush.lineWidth = 1;
      brush.stroke();
      brush.beginPath();
      brush.arc(x, y, 5.5, 0, 2 * Math.PI);
      brush.fillStyle = attractor.color;
      brush.strokeStyle = "#ffffff";
      brush.lineWidth = 2;
      brush.fill();
      brush.stroke();
      brush.lineWidth = 4;
      brush.strokeStyle = "#ffffffd0";
      brush.strokeText(attractor.name, top[0], top[1] - 5);
      brush.fillStyle = "#22262b";
      brush.fillText(attractor.name, top[0], top[1] - 5);
    }
  };
  let waiting = false;
  const redraw = () => {
    if (waiting) return;
    waiting = true;
    setTimeout(() => { // not at the next frame: there may be none while nothing changes on the screen
      waiting = false;
      draw();
    }, 12);
  };
  const turnBy = (right, up) => {
    view.turn += right;
    view.tilt = Math.max(0.15, Math.min(1.5, view.tilt + up));
    redraw();
  };
  const zoomBy = (factor) => {
    view.zoom = Math.max(0.5, Math.min(4, view.zoom * factor));
    redraw();
  };
  // A click, which is a press without a drag, shows the description of the nearest attractor or path.
  const chosen = document.getElementById("chosen");
  const describe = (event) => {
    const frame = canvas.getBoundingClientRect();
    const apart = (p) => {
      const [x, y] = project(p, 0.012);
      return Math.hypot(x - (event.clientX - frame.left), y - (event.clientY - frame.top));
    };
    const near = (things, places, most) => things
      .map((thing) => ({ thing, far: Math.min(...places(thing).map(apart)) }))
      .filter(({ far }) => far < most)
      .sort((a, b) => a.far - b.far)[0]?.thing;
    const found = near(attractors, (a) => [a.p], 18) ?? near(lines, (l) => l.p, 10);
    chosen.textContent = found ? found.description.join(" \u00b7 ") : "";
  };
  let last = null, pressed = null;
  canvas.addEventListener("pointerdown", (event) => {
    last = pressed = [event.clientX, event.clientY];
    try { canvas.setPointerCapture(event.pointerId); } catch { /* the pointer is gone already */ }
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    turnBy((event.clientX - last[0]) / 180, (event.clientY - last[1]) / 220);
    last = [event.clientX, event.clientY];
  });
  canvas.addEventListener("pointerup", (event) => {
    if (pressed && Math.hypot(event.clientX - pressed[0], event.clientY - pressed[1]) < 5) describe(event);
  });
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => (last = pressed = null));
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return; // leave scrolling to the page
    event.preventDefault();
    zoomBy(Math.exp(-event.deltaY / 300));
  }, { passive: false });
  const keys = {
    ArrowLeft: () => turnBy(-0.12, 0), ArrowRight: () => turnBy(0.12, 0),
    ArrowUp: () => turnBy(0, 0.08), ArrowDown: () => turnBy(0, -0.08),
    "+": () => zoomBy(1.15), "-": () => zoomBy(1 / 1.15),
  };
  canvas.addEventListener("keydown", (event) => {
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
  const act = { left: keys.ArrowLeft, right: keys.ArrowRight, up: keys.ArrowUp, down: keys.ArrowDown,
    nearer: keys["+"], farther: keys["-"], home: () => { Object.assign(view, home); redraw(); } };
  for (const button of document.querySelectorAll("#turning button")) {
    button.addEventListener("click", () => act[button.dataset.act]());
  }
  new ResizeObserver(redraw).observe(canvas);
})();

// A small picture for those who bring none: soft shapes in colours that follow from chance.

const SIZE = 512;

/** Draws a picture and gives it as PNG. */
export async function drawPicture(): Promise<Blob> {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIZE;
  const context = canvas.getContext("2d");
  if (!context) throw new Error("this browser cannot draw");
  const hue = Math.random() * 360;
  const sky = context.createLinearGradient(0, 0, 0, SIZE);
  sky.addColorStop(0, `hsl(${hue} 70% 22%)`);
  sky.addColorStop(0.6, `hsl(${hue + 30} 75% 52%)`);
  sky.addColorStop(1, `hsl(${hue + 60} 85% 72%)`);
  context.fillStyle = sky;
  context.fillRect(0, 0, SIZE, SIZE);
  const x = SIZE * (0.25 + Math.random() * 0.5);
  const y = SIZE * (0.3 + Math.random() * 0.2);
  context.fillStyle = `hsl(${hue + 50} 95% 88%)`;
  context.beginPath();
  context.arc(x, y, SIZE * 0.11, 0, Math.PI * 2);
  context.fill();
  for (let layer = 0; layer < 4; layer++) {
    const base = SIZE * (0.55 + layer * 0.11);
    const [a, b] = [Math.random() * 6, 1 + Math.random() * 2];
    context.fillStyle = `hsl(${hue + layer * 8} 55% ${34 - layer * 7}%)`;
    context.beginPath();
    context.moveTo(0, SIZE);
    for (let px = 0; px <= SIZE; px += 4) {
      const t = (px / SIZE) * Math.PI * b;
      context.lineTo(px, base + Math.sin(t + a) * 34 + Math.sin(t * 2.7 + a * 2) * 12);
    }
    context.lineTo(SIZE, SIZE);
    context.fill();
  }
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("this browser cannot save a picture"))), "image/png");
  });
}

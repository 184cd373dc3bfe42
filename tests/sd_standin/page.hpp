// The page at "/": a prompt box, a button, a progress bar, an interrupt button, the picture.
//
// No assets from elsewhere, and relative addresses only, so that it works behind any proxy.
#pragma once

#include <string_view>

namespace standin {

inline constexpr std::string_view page_html = R"html(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>sd-standin</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:2rem auto;padding:0 1rem;
 background:#14161a;color:#e8e8ea}
form{display:flex;gap:.5rem;flex-wrap:wrap}
input{flex:1 1 16rem;font:inherit;padding:.5rem;border:1px solid #555;border-radius:6px;
 background:#1e2127;color:inherit}
button{font:inherit;padding:.5rem 1rem;border:0;border-radius:6px;background:#d9772b;color:#fff}
button.quiet{background:#444}button:disabled{opacity:.45}
progress{width:100%;height:.7rem;margin:1rem 0 .2rem}
img{max-width:100%;border-radius:6px;margin-top:1rem}small{color:#a0a0a8}
</style></head><body>
<h1>sd-standin</h1>
<p><small>A stand-in for the Stable Diffusion web UI: pictures are drawn from prompt and seed,
no model is involved.</small></p>
<form id="form"><input id="prompt" aria-label="Prompt" value="pretty dog" autocomplete="off">
<button id="go">Generate</button>
<button id="stop" class="quiet" type="button" disabled>Interrupt</button></form>
<progress id="bar" max="1" value="0" aria-label="Progress"></progress>
<small id="note" role="status">Ready.</small><br>
<img id="image" alt="" hidden>
<script>
const by = id => document.getElementById(id);
let running = false;
async function watch() {
  while (running) {
    try {
      const p = await (await fetch("sdapi/v1/progress")).json();
      if (running) by("bar").value = p.progress;
    } catch (e) { /* the next round tries again */ }
    await new Promise(done => setTimeout(done, 250));
  }
}
by("form").onsubmit = async event => {
  event.preventDefault();
  running = true;
  by("go").disabled = true; by("stop").disabled = false;
  by("note").textContent = "Working…";
  watch();
  const begin = performance.now();
  try {
    const reply = await fetch("sdapi/v1/txt2img", {method: "POST",
      headers: {"Content-Type": "application/json"},
      body: JSON.stringify({prompt: by("prompt").value})});
    if (!reply.ok) throw new Error("status " + reply.status);
    const result = await reply.json();
    by("image").src = "data:image/png;base64," + result.images[0];
    by("image").alt = by("prompt").value;
    by("image").hidden = false;
    by("note").textContent = "Seed " + JSON.parse(result.info).seed + ", " +
      ((performance.now() - begin) / 1000).toFixed(1) + " s.";
  } catch (error) {
    by("note").textContent = "Failed: " + error.message;
  }
  running = false;
  by("bar").value = 0;
  by("go").disabled = false; by("stop").disabled = true;
};
by("stop").onclick = () => fetch("sdapi/v1/interrupt", {method: "POST"});
</script></body></html>
)html";

}  // namespace standin

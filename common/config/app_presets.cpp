#include "common/config/app_presets.hpp"

#include <array>

namespace common {
namespace {

// AUTOMATIC1111's stable-diffusion-webui (1.x, gradio 3), its API, and the forks that kept it.
//
// On the control lane is what must answer while an image is being made, and what does no GPU work.
// Counted, that is not listed here: everything that takes the web UI's own lock or touches the
// model: txt2img, img2img, extra-*, interrogate, train/*, create/*, refresh-*, unload-checkpoint,
// reload-checkpoint, and POST options (it may load another checkpoint), and gradio's /api/* for
// programs.
//
// The page itself talks through /queue/* and /run/*: in gradio 3 its Interrupt and Skip buttons use
// the same WebSocket path as its Generate button, so one path cannot be both counted and quick. It
// is on the control lane: the page stays alive, and jobs started from it are serialised by the web
// UI's own lock. An owner who wants page jobs counted lists control-paths without it.
constexpr auto a1111_control_paths = std::to_array<std::string_view>({
    // the running job
    "/sdapi/v1/progress",
    "/sdapi/v1/interrupt",
    "/sdapi/v1/skip",
    "/internal/*",
    // what is installed and how it is set: read from memory
    "GET /sdapi/v1/options",
    "/sdapi/v1/cmd-flags",
    "/sdapi/v1/samplers",
    "/sdapi/v1/schedulers",
    "/sdapi/v1/upscalers",
    "/sdapi/v1/latent-upscale-modes",
    "/sdapi/v1/sd-models",
    "/sdapi/v1/sd-modules",
    "/sdapi/v1/sd-vae",
    "/sdapi/v1/hypernetworks",
    "/sdapi/v1/face-restorers",
    "/sdapi/v1/realesrgan-models",
    "/sdapi/v1/prompt-styles",
    "GET /sdapi/v1/embeddings",
    "/sdapi/v1/memory",
    "/sdapi/v1/scripts",
    "/sdapi/v1/script-info",
    "/sdapi/v1/extensions",
    "/sdapi/v1/png-info",
    // the page and its files
    "GET /",
    "HEAD /",
    "/config",
    "/info",
    "/assets/*",
    "/static/*",
    "/file=*",
    "/file/*",
    "/favicon.ico",
    "/robots.txt",
    "/theme.css",
    "/webui-assets/*",
    "/sd_extra_networks/*",
    "/docs",
    "/openapi.json",
    // the page's session: log-in, uploads, event stream
    "/login",
    "/login_check",
    "/logout",
    "/token",
    "/user",
    "/app_id",
    "/startup-events",
    "/upload",
    "/reset",
    "/queue/*",
    "/run/*",
});

// Kill, restart and stop switches that --api-server-stop opens to everyone.
constexpr auto a1111_deny_paths = std::to_array<std::string_view>({"/sdapi/v1/server-*"});

constexpr std::array presets{AppPreset{
    .name = "a1111",
    .control_paths = a1111_control_paths,
    .deny_paths = a1111_deny_paths,
    .interrupt_path = "POST /sdapi/v1/interrupt",
    .model_key = "override_settings.sd_model_checkpoint",
    .readiness_path = "/internal/ping",
}};

}  // namespace

const AppPreset* find_app_preset(std::string_view name) {
    for (const auto& preset : presets)
        if (preset.name == name) return &preset;
    return nullptr;
}

std::vector<std::string> app_preset_names() {
    std::vector<std::string> names;
    for (const auto& preset : presets)
        names.emplace_back(preset.name);
    return names;
}

}  // namespace common

// A pod's application as the Docker Engine's API wants it, and what the API's answers mean. Pure.
//
// Kubernetes' command is Docker's Entrypoint and args are its Cmd; $(VAR) is expanded here, for
// Docker does not. Containers inherit nothing of sluice's environment. The GPUs that the pool gave
// are device requests; CUDA_VISIBLE_DEVICES is not set, for inside they are counted from 0 again.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/pods/runtime.hpp"

namespace sluice {

// Every container of ours carries it; its value is the owner: which sluice, see own_owner().
constexpr std::string_view owner_label = "sluice.dev/owner";
constexpr std::string_view pod_label = "sluice.dev/pod";

struct ContainerPlan {
    PodSpec spec;
    std::uint16_t host_port = 0;  // on 127.0.0.1
    std::vector<std::string> gpus;
    std::string owner;
    bool host_network = false;  // the application itself listens on host_port
};

// The body of POST /containers/create.
std::string container_json(const ContainerPlan& plan);

// "pid-starttime-namespace" of this process: no other process has the same one on this boot.
std::string own_owner();
// Whether the process that `owner` names still runs. Yes if that cannot be known: of another pid
// namespace, or not a name of ours.
bool owner_lives(const std::string& owner);

// Splits an image reference for a pull: "a/b:1" into {"a/b", "1"}; the tag is "latest" when there
// is none, and empty with a digest, which stays in the name.
struct ImageName {
    std::string name;
    std::string tag;
};
ImageName split_image(const std::string& image);

// Takes the frames of a container's log apart (Docker API, "Stream format"): 8 bytes of header,
// then as many bytes as the last four of them say, big-endian.
class LogFrames {
  public:
    void feed(std::string_view bytes, const std::function<void(std::string_view)>& on_bytes);

  private:
    std::string header_;
    std::uint32_t left_ = 0;
};

}  // namespace sluice

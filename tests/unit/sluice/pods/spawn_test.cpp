#include "sluice/pods/spawn.hpp"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>

using sluice::resolve_command;

namespace {

struct Programs {
    Programs() {
        std::string name = std::filesystem::temp_directory_path() / "sluice-spawn-XXXXXX";
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        root = name;
        for (const char* directory : {"a", "b", "beside"})
            std::filesystem::create_directory(root + "/" + directory);
        add("a/plain", 0644);
        add("b/plain", 0755);
        add("b/both", 0755);
        add("beside/both", 0755);
        add("beside/only", 0755);
        add("a/text", 0644);
        std::filesystem::create_directory(root + "/a/only");
    }
    ~Programs() { std::filesystem::remove_all(root); }

    void add(const std::string& name, mode_t mode) const {
        std::ofstream(root + "/" + name) << "#!/bin/sh\n";
        ::chmod((root + "/" + name).c_str(), mode);
    }

    std::string root;
};

}  // namespace

TEST_CASE("resolve command: PATH in order, then beside sluice, then a clear error",
          "[sluice][pods]") {
    const Programs programs;
    const std::string path = programs.root + "/a::" + programs.root + "/b";
    const std::string beside = programs.root + "/beside";
    const sluice::CommandPlaces places{path, beside, {}};
    CHECK(resolve_command("plain", places).path == programs.root + "/b/plain");
    CHECK(resolve_command("both", places).path == programs.root + "/b/both");
    CHECK(resolve_command("only", places).path == beside + "/only");
    CHECK(resolve_command("text", places).error ==
          "command " + programs.root + "/a/text is not executable");
    CHECK(resolve_command("none", places).error ==
          "command not found: none (looked in PATH and " + beside + ")");
    CHECK(resolve_command("", places).error == "the command is empty");
}

TEST_CASE("resolve command: a path is taken as it is, from the working directory",
          "[sluice][pods]") {
    const Programs programs;
    const sluice::CommandPlaces places{"/nowhere", {}, programs.root};
    CHECK(resolve_command("b/both", places).path == programs.root + "/b/both");
    CHECK(resolve_command(programs.root + "/b/both", places).path == programs.root + "/b/both");
    CHECK(resolve_command("./none", places).error ==
          "command not found: " + programs.root + "/./none");
    CHECK(resolve_command("a/text", places).error.find("is not executable") != std::string::npos);
}

TEST_CASE("pod-init: a command survives its way to the supervisor", "[sluice][pods]") {
    const sluice::Command command{"/bin/x", {"x", "", "a b\n"}, {"A=1", "EMPTY=", "=odd"}, "/dir"};
    sluice::Command back;
    REQUIRE(sluice::decode(sluice::encode(command), back));
    CHECK(back.path == command.path);
    CHECK(back.argv == command.argv);
    CHECK(back.env == command.env);
    CHECK(back.working_dir == command.working_dir);

    const std::string bytes = sluice::encode(command);
    CHECK_FALSE(sluice::decode("", back));
    CHECK_FALSE(sluice::decode(bytes.substr(0, bytes.size() - 1), back));
}

#include "sluice/pods/gpu_pool.hpp"

#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>

using sluice::GpuPool;
using sluice::parse_gpus;
using Ids = std::vector<std::string>;

TEST_CASE("gpus: a count, a list, a list of one, UUIDs, none", "[sluice][pods]") {
    CHECK(parse_gpus("none").ids.empty());
    CHECK(parse_gpus("0").ids.empty());
    CHECK(parse_gpus("3").ids == Ids{"0", "1", "2"});
    CHECK(parse_gpus("0,2").ids == Ids{"0", "2"});
    CHECK(parse_gpus("2,").ids == Ids{"2"});
    CHECK(parse_gpus("GPU-8f6b,MIG-11").ids == Ids{"GPU-8f6b", "MIG-11"});
}

TEST_CASE("gpus: wrong texts are named", "[sluice][pods]") {
    CHECK(parse_gpus("0,,1").error == "'' is not a GPU index or UUID");
    CHECK(parse_gpus("0, 1").error == "' 1' is not a GPU index or UUID");
    CHECK(parse_gpus("two").error == "'two' is not a GPU index or UUID");
    CHECK(parse_gpus("-1").error == "'-1' is not a GPU index or UUID");
    CHECK(parse_gpus("1,0,1").error == "GPU 1 is named twice");
    CHECK(parse_gpus("65").error.find("at most 64") != std::string::npos);
}

TEST_CASE("gpus: the default is what the device directory shows, in order", "[sluice][pods]") {
    std::string directory = std::filesystem::temp_directory_path() / "sluice-gpus-XXXXXX";
    REQUIRE(::mkdtemp(directory.data()) != nullptr);
    for (const char* name : {"nvidia10", "nvidia2", "nvidiactl", "nvidia-uvm", "nvidia", "null"})
        std::ofstream(directory + "/" + name) << "x";
    CHECK(parse_gpus("", directory).ids == Ids{"2", "10"});
    CHECK(parse_gpus("all", directory).ids == Ids{"2", "10"});
    std::filesystem::remove_all(directory);
    CHECK(parse_gpus("", directory).ids.empty());
}

TEST_CASE("gpu pool: takes whole GPUs or nothing, lowest first", "[sluice][pods]") {
    GpuPool pool({"0", "1", "2"});
    CHECK(pool.take(2) == Ids{"0", "1"});
    CHECK_FALSE(pool.take(2).has_value());
    CHECK(pool.free() == 1);
    CHECK(pool.shortage(2) == "needs 2 GPUs, 1 of 3 are free");
    CHECK(pool.take(1) == Ids{"2"});
    CHECK(pool.shortage(1) == "needs 1 GPU, 0 of 3 are free");
    pool.give_back({"1"});
    CHECK(pool.take(1) == Ids{"1"});
    CHECK(pool.take(0) == Ids{});
}

TEST_CASE("gpu pool: says when waiting cannot help", "[sluice][pods]") {
    CHECK(GpuPool({}).shortage(1) == "needs 1 GPU, but this machine shows none (see --gpus)");
    CHECK(GpuPool({"0"}).shortage(2) == "needs 2 GPUs, but there is only 1 (see --gpus)");
}

// The certificate of a TLS port, and its rotation (contract queue-proxy 9): the files are read
// again every 60 s, and what has changed is used for new handshakes. Files that are missing or
// wrong are logged, and the old certificate stays.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/config/read_file.hpp"
#include "common/net/tls_config.hpp"
#include "common/time/time_source.hpp"

namespace common {

class Certificates {
  public:
    struct Files {
        std::string certificate;
        std::string key;
    };

    // `time` outlives it.
    Certificates(TimeSource& time, Files files, TlsParameters parameters,
                 ReadFile read = read_file);
    ~Certificates();

    // Reads the files. Returns "" or what is wrong; then what there was stays.
    std::string load();
    // The same, and says in the log what came of it.
    void reload();
    // From now on they are read again and again.
    void start();
    void stop();
    // REQUIRES: load() succeeded.
    std::shared_ptr<const TlsContext> context() const { return context_; }

  private:
    TimeSource& time_;
    Files files_;
    TlsParameters parameters_;
    ReadFile read_;
    std::unique_ptr<Timer> timer_;
    std::string certificate_;
    std::string key_;
    std::string client_ca_;
    std::shared_ptr<const TlsContext> context_;
};

}  // namespace common

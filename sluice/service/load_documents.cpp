#include "sluice/service/load_documents.hpp"

#include <sstream>

#include <yaml-cpp/eventhandler.h>

namespace sluice {
namespace {

constexpr int documents_max = 1000;

// Notices a parser that makes no progress: two documents begin at the same place.
class ProgressWatch final : public YAML::EventHandler {
  public:
    void OnDocumentStart(const YAML::Mark& mark) override {
        if (mark.pos == last_start_) throw YAML::ParserException(mark, "unexpected token");
        if (++documents_ > documents_max) throw YAML::ParserException(mark, "too many documents");
        last_start_ = mark.pos;
    }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
    void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
    void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  const std::string&) override {}
    void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                         YAML::EmitterStyle::value) override {}
    void OnSequenceEnd() override {}
    void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                    YAML::EmitterStyle::value) override {}
    void OnMapEnd() override {}

  private:
    int last_start_ = -1;
    int documents_ = 0;
};

}  // namespace

std::vector<YAML::Node> load_documents(const std::string& text) {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    ProgressWatch watch;
    while (parser.HandleNextDocument(watch)) {
    }
    return YAML::LoadAll(text);
}

}  // namespace sluice

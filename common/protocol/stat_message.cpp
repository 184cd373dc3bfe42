#include "common/protocol/stat_message.hpp"

#include <protozero/exception.hpp>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>

namespace common {

namespace {

using protozero::pbf_reader;
using protozero::pbf_wire_type;
using protozero::pbf_writer;
using protozero::tag_and_type;

void add_unless_zero(pbf_writer& writer, protozero::pbf_tag_type field, double value) {
    if (value != 0) writer.add_double(field, value);
}

void add_unless_empty(pbf_writer& writer, protozero::pbf_tag_type field, const std::string& value) {
    if (!value.empty()) writer.add_string(field, value);
}

// Fields that occur again replace what is there, as proto3 merges messages.
void read_stat(pbf_reader reader, Stat& stat) {
    while (reader.next()) {
        switch (reader.tag_and_type()) {
            case tag_and_type(1, pbf_wire_type::length_delimited):
                stat.pod_name = reader.get_string();
                break;
            case tag_and_type(2, pbf_wire_type::fixed64):
                stat.average_concurrent_requests = reader.get_double();
                break;
            case tag_and_type(3, pbf_wire_type::fixed64):
                stat.average_proxied_concurrent_requests = reader.get_double();
                break;
            case tag_and_type(4, pbf_wire_type::fixed64):
                stat.request_count = reader.get_double();
                break;
            case tag_and_type(5, pbf_wire_type::fixed64):
                stat.proxied_request_count = reader.get_double();
                break;
            case tag_and_type(6, pbf_wire_type::fixed64):
                stat.process_uptime = reader.get_double();
                break;
            case tag_and_type(7, pbf_wire_type::varint):
                stat.timestamp = reader.get_int64();
                break;
            default:
                reader.skip();
        }
    }
}

WireStatMessage read_message(pbf_reader reader) {
    WireStatMessage message;
    while (reader.next()) {
        switch (reader.tag_and_type()) {
            case tag_and_type(1, pbf_wire_type::length_delimited):
                message.name_space = reader.get_string();
                break;
            case tag_and_type(2, pbf_wire_type::length_delimited):
                message.name = reader.get_string();
                break;
            case tag_and_type(3, pbf_wire_type::length_delimited):
                if (!message.stat) message.stat.emplace();
                read_stat(reader.get_message(), *message.stat);
                break;
            default:
                reader.skip();
        }
    }
    return message;
}

pbf_reader reader_of(std::string_view bytes) {
    return pbf_reader(protozero::data_view(bytes.data(), bytes.size()));
}

}  // namespace

std::string encode_stat(const Stat& stat) {
    std::string bytes;
    pbf_writer writer(bytes);
    add_unless_empty(writer, 1, stat.pod_name);
    add_unless_zero(writer, 2, stat.average_concurrent_requests);
    add_unless_zero(writer, 3, stat.average_proxied_concurrent_requests);
    add_unless_zero(writer, 4, stat.request_count);
    add_unless_zero(writer, 5, stat.proxied_request_count);
    add_unless_zero(writer, 6, stat.process_uptime);
    if (stat.timestamp != 0) writer.add_int64(7, stat.timestamp);
    return bytes;
}

std::optional<Stat> decode_stat(std::string_view bytes) {
    try {
        Stat stat;
        read_stat(reader_of(bytes), stat);
        return stat;
    } catch (const protozero::exception&) {
        return std::nullopt;
    }
}

std::string encode_stat_messages(const std::vector<WireStatMessage>& messages) {
    std::string bytes;
    pbf_writer writer(bytes);
    for (const WireStatMessage& message : messages) {
        std::string inner;
        pbf_writer inner_writer(inner);
        add_unless_empty(inner_writer, 1, message.name_space);
        add_unless_empty(inner_writer, 2, message.name);
        if (message.stat) inner_writer.add_message(3, encode_stat(*message.stat));
        writer.add_message(1, inner);
    }
    return bytes;
}

std::optional<std::vector<WireStatMessage>> decode_stat_messages(std::string_view bytes) {
    try {
        std::vector<WireStatMessage> messages;
        pbf_reader reader = reader_of(bytes);
        while (reader.next()) {
            if (reader.tag_and_type() == tag_and_type(1, pbf_wire_type::length_delimited)) {
                messages.push_back(read_message(reader.get_message()));
            } else {
                reader.skip();
            }
        }
        return messages;
    } catch (const protozero::exception&) {
        return std::nullopt;
    }
}

}  // namespace common

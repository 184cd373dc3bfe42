#include "common/net/tls_stream.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "common/async/watchdog.hpp"

namespace common {
namespace {

namespace asio = boost::asio;

// A TLS record is 16 KiB at most, and a little more on the wire.
constexpr std::size_t read_bytes = (std::size_t{16} << 10) + 512;

constexpr std::string_view not_tls_answer =
    "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

bool looks_like_http(std::string_view bytes) {
    for (const std::string_view method : {"GET /", "HEAD ", "POST ", "PUT /", "OPTIO"}) {
        if (bytes.starts_with(method)) return true;
    }
    return false;
}

error_code protocol_error() {
    ERR_clear_error();
    return make_error_code(boost::system::errc::protocol_error);
}

}  // namespace

// What goes on after the TlsStream is gone takes the state as an owner.
struct TlsStream::State {
    using Owner = std::shared_ptr<State>;

    State(std::unique_ptr<Stream> stream, std::shared_ptr<const TlsContext> tls_context)
        : below(std::move(stream)),
          context(std::move(tls_context)),
          ssl(SSL_new(static_cast<SSL_CTX*>(context->native()))),
          in(BIO_new(BIO_s_mem())),
          out(BIO_new(BIO_s_mem())) {
        BIO_set_mem_eof_return(in, -1);  // empty means "not yet", not "the end"
        SSL_set_bio(ssl, in, out);       // owns both from now on
        SSL_set_accept_state(ssl);
    }
    void become_client(TlsServerName server) {
        SSL_set_connect_state(ssl);
        error_code not_ip;
        asio::ip::make_address(server.name, not_ip);
        if (not_ip) {
            SSL_set_tlsext_host_name(ssl, server.name.c_str());
            SSL_set1_host(ssl, server.name.c_str());
        } else {
            X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), server.name.c_str());
        }
        also = std::move(server.also);
    }
    // The peer's certificate lists the second name too, if there has to be one.
    bool lists_second_name() const {
        if (also.empty()) return true;
        X509* const certificate = SSL_get0_peer_certificate(ssl);
        constexpr unsigned flags = X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;
        return certificate != nullptr &&
               X509_check_host(certificate, also.data(), also.size(), flags, nullptr) == 1;
    }
    ~State() { SSL_free(ssl); }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    // Moves what OpenSSL has made into `sending`; false if there is nothing.
    bool take_output() {
        const std::size_t pending = BIO_ctrl_pending(out);
        if (pending == 0) return false;
        const std::size_t before = sending.size();
        sending.resize(before + pending);
        const int n = BIO_read(out, sending.data() + before, static_cast<int>(pending));
        sending.resize(before + static_cast<std::size_t>(n > 0 ? n : 0));
        return n > 0;
    }
    // Sends what there is, and goes on until nothing is left; then whoever waits for that is told.
    static void flush(const Owner& self);
    static void flushed(const Owner& self, error_code ec);
    static void finish_write(const Owner& self, error_code ec);
    static void read_more(const Owner& self);
    // Decrypts; true if the read under way has its result.
    static bool try_read(const Owner& self, error_code& ec, std::size_t& n);

    std::unique_ptr<Stream> below;
    std::shared_ptr<const TlsContext> context;
    SSL* ssl;
    std::string also;  // TlsServerName
    BIO* in;
    BIO* out;
    std::array<char, read_bytes> incoming;
    asio::mutable_buffer read_buffer;
    Handler read_handler;
    bool read_cancelled = false;
    std::string sending;
    std::array<asio::const_buffer, 1> flush_buffer;  // of `sending`, while flushing
    Handler write_handler;
    Handler finished_handler;  // its write has ended, and it runs in the next turn
    error_code write_result;
    std::size_t write_size = 0;
    error_code write_error;
    bool flushing = false;
    bool shutdown_wanted = false;
    bool closed = false;
};

// --- Writing.

void TlsStream::State::flush(const Owner& self) {
    if (self->flushing) return;
    self->take_output();
    if (!self->write_error && !self->sending.empty()) {
        const std::array<asio::const_buffer, 1> buffers{asio::buffer(self->sending)};
        const IoResult sent = self->below->write_now(buffers);
        self->sending.erase(0, sent.n);
        self->write_error = sent.ec;
    }
    if (self->write_error || self->sending.empty()) {
        flushed(self, self->write_error);
        return;
    }
    self->flushing = true;
    const std::size_t size = self->sending.size();
    self->flush_buffer[0] = asio::buffer(self->sending);
    self->below->async_write(self->flush_buffer, [self, size](error_code ec, std::size_t n) {
        self->flushing = false;
        self->sending.erase(0, n);
        if (!ec && n < size) ec = asio::error::operation_aborted;
        if (ec) self->write_error = ec;
        flush(self);
    });
}

void TlsStream::State::flushed(const Owner& self, error_code ec) {
    if (self->write_handler) finish_write(self, ec);
    if (std::exchange(self->shutdown_wanted, false)) self->below->shutdown_send();
}

void TlsStream::State::finish_write(const Owner& self, error_code ec) {
    self->write_result = ec;
    // Out of the way first: a flush that ends before the handler runs must not end it again.
    self->finished_handler = std::move(self->write_handler);
    // Never from inside async_write().
    asio::post(self->below->executor(), [self] {
        const std::size_t size = self->write_result ? 0 : self->write_size;
        Handler handler = std::move(self->finished_handler);
        handler(self->write_result, size);
    });
}

// --- Reading.

bool TlsStream::State::try_read(const Owner& self, error_code& ec, std::size_t& n) {
    const auto room = static_cast<int>(std::min(self->read_buffer.size(), read_bytes));
    const int got = SSL_read(self->ssl, self->read_buffer.data(), room);
    const int reason = SSL_get_error(self->ssl, got);
    // The peer may have asked for a key update, whose answer is ours to send.
    if (BIO_ctrl_pending(self->out) > 0) flush(self);
    if (got > 0) {
        n = static_cast<std::size_t>(got);
        return true;
    }
    if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE) return false;
    ec = reason == SSL_ERROR_ZERO_RETURN ? error_code(asio::error::eof) : protocol_error();
    return true;
}

void TlsStream::State::read_more(const Owner& self) {
    self->below->async_read_some(
        asio::buffer(self->incoming), [self](error_code ec, std::size_t n) {
            std::size_t plain = 0;
            // An end without close_notify is an end: the message's framing tells if it is too
            // early.
            bool done = ec.failed();
            if (!done) {
                BIO_write(self->in, self->incoming.data(), static_cast<int>(n));
                done = try_read(self, ec, plain);
            }
            if (!done && (self->closed || self->read_cancelled)) {
                ec = asio::error::operation_aborted;
                done = true;
            }
            if (!done) {
                read_more(self);
                return;
            }
            Handler handler = std::move(self->read_handler);
            handler(ec, plain);
        });
}

// --- The stream.

TlsStream::TlsStream(std::unique_ptr<Stream> below, std::shared_ptr<const TlsContext> context)
    : state_(std::make_shared<State>(std::move(below), std::move(context))) {}

TlsStream::TlsStream(std::unique_ptr<Stream> below, std::shared_ptr<const TlsContext> context,
                     TlsServerName server)
    : TlsStream(std::move(below), std::move(context)) {
    state_->become_client(std::move(server));
}

TlsStream::~TlsStream() {
    close();
}

awaitable<error_code> TlsStream::handshake(TimeSource& time, Duration timeout) {
    State& state = *state_;
    Watchdog watchdog(time, [&state] { state.below->close(); });
    watchdog.set(time.now() + timeout);
    bool first = true;
    while (true) {
        const int result = SSL_do_handshake(state.ssl);
        const int reason = SSL_get_error(state.ssl, result);
        // Also an alert that says why it failed.
        if (state.take_output()) {
            const std::string bytes = std::exchange(state.sending, {});
            const std::array<asio::const_buffer, 1> buffers{asio::buffer(bytes)};
            const error_code ec = co_await write_all(*state.below, buffers);
            if (ec) co_return ec;
        }
        if (result == 1 && !state.lists_second_name()) co_return protocol_error();
        if (result == 1) co_return error_code{};
        if (reason != SSL_ERROR_WANT_READ) co_return protocol_error();
        const asio::mutable_buffer room = asio::buffer(state.incoming);
        const IoResult read = co_await read_some(*state.below, room);
        if (watchdog.expired()) co_return asio::error::timed_out;
        if (read.ec) co_return read.ec;
        const bool is_server = SSL_is_server(state.ssl) == 1;
        if (first && is_server && looks_like_http({state.incoming.data(), read.n})) {
            const std::array<asio::const_buffer, 1> answer{
                asio::const_buffer(not_tls_answer.data(), not_tls_answer.size())};
            co_await write_all(*state.below, answer);
            co_return protocol_error();
        }
        first = false;
        BIO_write(state.in, state.incoming.data(), static_cast<int>(read.n));
    }
}

std::string TlsStream::protocol() const {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(state_->ssl, &name, &size);
    return {reinterpret_cast<const char*>(name), size};
}

void TlsStream::async_read_some(asio::mutable_buffer buffer, Handler handler) {
    State& state = *state_;
    state.read_buffer = buffer;
    state.read_cancelled = false;
    state.read_handler = std::move(handler);
    error_code ec;
    std::size_t n = 0;
    if (!State::try_read(state_, ec, n)) {
        State::read_more(state_);
        return;
    }
    asio::post(state.below->executor(), [self = state_, ec, n] {
        Handler ready = std::move(self->read_handler);
        ready(ec, n);
    });
}

void TlsStream::async_write(Buffers buffers, Handler handler) {
    State& state = *state_;
    state.write_handler = std::move(handler);
    state.write_size = 0;
    for (const asio::const_buffer& buffer : buffers) {
        if (buffer.size() == 0) continue;
        std::size_t written = 0;
        if (SSL_write_ex(state.ssl, buffer.data(), buffer.size(), &written) != 1) {
            if (!state.write_error) state.write_error = protocol_error();
            break;
        }
        state.write_size += written;
    }
    if (state.write_error) {
        State::finish_write(state_, state.write_error);
        return;
    }
    State::flush(state_);
}

void TlsStream::shutdown_send() {
    SSL_shutdown(state_->ssl);
    ERR_clear_error();
    state_->shutdown_wanted = true;
    State::flush(state_);
}

void TlsStream::cancel() {
    // The read below may have its bytes already; if they make no record, there is no next one.
    state_->read_cancelled = true;
    state_->below->cancel();
}

void TlsStream::close(bool reset) {
    State& state = *state_;
    if (std::exchange(state.closed, true)) return;
    if (!reset && !state.flushing && SSL_is_init_finished(state.ssl)) {
        SSL_shutdown(state.ssl);
        ERR_clear_error();
        state.take_output();
        const std::array<asio::const_buffer, 1> buffers{asio::buffer(state.sending)};
        if (!state.write_error) state.below->write_now(buffers);
    }
    state.below->close(reset);
}

bool TlsStream::readable_now() {
    return SSL_has_pending(state_->ssl) == 1 || state_->below->readable_now();
}

int TlsStream::native_handle() {
    return state_->below->native_handle();
}

std::string TlsStream::peer() const {
    return state_->below->peer();
}

asio::any_io_executor TlsStream::executor() {
    return state_->below->executor();
}

}  // namespace common

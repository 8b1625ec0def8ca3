// What OneFlow's headers want of glog, whose own headers the wheel lacks.
#pragma once
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>

namespace google {

// One message on stderr; a fatal one is an exception.
class LogMessage {
 public:
  explicit LogMessage(bool fatal) : fatal_(fatal) {}
  ~LogMessage() noexcept(false) {
    if (fatal_) { throw std::runtime_error(text_.str()); }
    std::cerr << text_.str() << std::endl;
  }
  std::ostream& stream() { return text_; }

 private:
  std::ostringstream text_;
  bool fatal_;
};

struct Voidify {
  void operator&(std::ostream&) {}
};

}  // namespace google

#define OFM_IS_FATAL_INFO false
#define OFM_IS_FATAL_WARNING false
#define OFM_IS_FATAL_ERROR false
#define OFM_IS_FATAL_FATAL true
#define LOG(severity) ::google::LogMessage(OFM_IS_FATAL_##severity).stream()
#define LOG_IF(severity, condition) \
  !(condition) ? (void)0 : ::google::Voidify() & LOG(severity)
#define CHECK(condition) LOG_IF(FATAL, !(condition)) << "Check failed: " #condition " "
#define CHECK_EQ(a, b) CHECK((a) == (b))
#define CHECK_NE(a, b) CHECK((a) != (b))
#define CHECK_LT(a, b) CHECK((a) < (b))
#define CHECK_LE(a, b) CHECK((a) <= (b))
#define CHECK_GT(a, b) CHECK((a) > (b))
#define CHECK_GE(a, b) CHECK((a) >= (b))
#define CHECK_STREQ(a, b) CHECK(std::string(a) == (b))
#define CHECK_NOTNULL(pointer) (pointer)
#define DCHECK(condition) CHECK(condition)
#define DCHECK_EQ CHECK_EQ
#define DCHECK_NE CHECK_NE
#define DCHECK_LT CHECK_LT
#define DCHECK_LE CHECK_LE
#define DCHECK_GT CHECK_GT
#define DCHECK_GE CHECK_GE
#define DCHECK_NOTNULL(pointer) (pointer)
#define PCHECK(condition) CHECK(condition)
#define DLOG(severity) LOG(severity)
#define VLOG(level) LOG_IF(INFO, false)
#define VLOG_IS_ON(level) false
#define LOG_EVERY_N(severity, n) LOG(severity)
#define LOG_FIRST_N(severity, n) LOG(severity)

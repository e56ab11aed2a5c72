// The machine itself: instructions whose results are known, and planted faults that it must find.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "fault.h"
#include "machine.h"

namespace ptx {
namespace {

// Memory of the first device, which the test reads and writes past its guard.
template <class T>
class Array {
 public:
  explicit Array(std::vector<T> values) : count_(values.size()) {
    data_ = arena(0).take(count_ * sizeof(T));
    std::memcpy(backing(), values.data(), count_ * sizeof(T));
  }
  ~Array() { arena(0).give(data_); }
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;
  uint64_t address() const { return reinterpret_cast<uint64_t>(data_); }
  std::vector<T> values() const {
    std::vector<T> out(count_);
    std::memcpy(out.data(), backing(), count_ * sizeof(T));
    return out;
  }

 private:
  std::byte* backing() const { return arena(0).backing(address()); }
  size_t count_;
  void* data_;
};

const std::string kHeading = ".version 9.0\n.target sm_80\n.address_size 64\n";

// Runs `kernel` of a text with parameters of 64 bits.
void run_text(const std::string& text, Dimensions grid, Dimensions block,
              const std::vector<uint64_t>& parameters, uint64_t seed = 1) {
  auto* kept = new std::string(kHeading + text);  // texts live as long as the process
  auto* module = new Module(*kept);
  Launch launch;
  launch.kernel = &module->function("kernel");
  launch.grid = grid;
  launch.block = block;
  launch.parameters.resize(launch.kernel->parameter_bytes);
  ASSERT_EQ(launch.parameters.size(), parameters.size() * 8);
  std::memcpy(launch.parameters.data(), parameters.data(), launch.parameters.size());
  launch.extents = live_extents();
  launch.seed = seed;
  run(launch);
}

// What one instruction makes of %a, %b and %c in %d.
uint64_t evaluate(const std::string& instructions, uint64_t a, uint64_t b = 0, uint64_t c = 0) {
  Array<uint64_t> out({~uint64_t{0}});
  run_text(R"(.visible .entry kernel(.param .u64 out, .param .u64 a, .param .u64 b, .param .u64 c)
{
.reg .b64 %a, %b, %c, %d, %e, %out;
.reg .pred %p, %q;
ld.param.u64 %out, [out];
ld.param.u64 %a, [a];
ld.param.u64 %b, [b];
ld.param.u64 %c, [c];
mov.u64 %d, 0;
)" + instructions +
               R"(
st.global.u64 [%out], %d;
ret;
})",
           {}, {}, {out.address(), a, b, c});
  return out.values()[0];
}

uint64_t bits(float x) { return std::bit_cast<uint32_t>(x); }
uint64_t bits(double x) { return std::bit_cast<uint64_t>(x); }
constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// The message of the fault that f raises, or nothing.
template <class F>
std::string fault_of(const F& f) {
  try {
    f();
  } catch (const Fault& found) {
    return found.what();
  }
  return "";
}
void expect_fault(const std::string& found, const std::string& part) {
  EXPECT_NE(found.find(part), std::string::npos) << "found: " << found;
}

TEST(PtxInstructions, IntegersWrapAndWiden) {
  EXPECT_EQ(evaluate("add.u32 %d, %a, %b;", 0xFFFFFFFF, 2), 1u);
  EXPECT_EQ(evaluate("sub.s32 %d, %a, %b;", 1, 2) & 0xFFFFFFFF, 0xFFFFFFFFu);
  EXPECT_EQ(evaluate("mul.lo.s64 %d, %a, %b;", uint64_t{1} << 63, 3), uint64_t{1} << 63);
  EXPECT_EQ(evaluate("mul.hi.u64 %d, %a, %b;", uint64_t{1} << 63, 6), 3u);
  EXPECT_EQ(evaluate("mul.wide.s32 %d, %a, %b;", 0xFFFFFFFF, 5), static_cast<uint64_t>(-5));
  EXPECT_EQ(evaluate("mul.wide.u16 %d, %a, %b;", 0xFFFF, 0xFFFF), 0xFFFE0001u);
  EXPECT_EQ(evaluate("mad.lo.s32 %d, %a, -3, %b;", 4, 20), 8u);
  EXPECT_EQ(evaluate("div.s32 %d, %a, %b;", static_cast<uint32_t>(-7), 2) & 0xFFFFFFFF,
            static_cast<uint32_t>(-3));
  EXPECT_EQ(evaluate("rem.s64 %d, %a, %b;", static_cast<uint64_t>(-7), 4),
            static_cast<uint64_t>(-3));
  EXPECT_EQ(evaluate("div.s64 %d, %a, %b;", uint64_t{1} << 63, static_cast<uint64_t>(-1)),
            uint64_t{1} << 63);
}

TEST(PtxInstructions, CarriesGoOn) {
  EXPECT_EQ(evaluate("add.cc.u32 %d, %a, %b;\naddc.u32 %d, %c, 0;", 0xFFFFFFFF, 1, 7), 8u);
  EXPECT_EQ(evaluate("sub.cc.u32 %d, %a, %b;\nsubc.u32 %d, %c, 0;", 0, 1, 7), 6u);
  EXPECT_EQ(evaluate("mad.lo.cc.u32 %d, %a, %b, %c;\nmadc.hi.u32 %d, %a, %b, 0;", 0xFFFFFFFF,
                     0xFFFFFFFF, 0xFFFFFFFF),
            0xFFFFFFFFu);
}

TEST(PtxInstructions, Bits) {
  EXPECT_EQ(evaluate("shl.b32 %d, %a, 32;", 1), 0u);
  EXPECT_EQ(evaluate("shr.u64 %d, %a, 64;", ~uint64_t{0}), 0u);
  EXPECT_EQ(evaluate("shr.s16 %d, %a, 20;", 0x8000) & 0xFFFF, 0xFFFFu);
  EXPECT_EQ(evaluate("bfi.b32 %d, %a, %b, 8, 4;", 0xFF, 0), 0xF00u);
  EXPECT_EQ(evaluate("bfe.s32 %d, %a, 4, 4;", 0xF0), 0xFFFFFFFFu);
  EXPECT_EQ(evaluate("bfe.u32 %d, %a, 4, 4;", 0xF0), 0xFu);
  EXPECT_EQ(evaluate("prmt.b32 %d, %a, %b, 0x4180;", 0x80, 0x77), 0x7700FF80u);
  EXPECT_EQ(evaluate("lop3.b32 %d, %a, %b, %c, 0x96;", 0b1100, 0b1010, 0b0110), 0u);
  EXPECT_EQ(evaluate("shf.l.wrap.b32 %d, %a, %b, 8;", 0xAB000000, 0x12), 0x12ABu);
  EXPECT_EQ(evaluate("shf.r.clamp.b32 %d, %a, %b, 40;", 1, 0x12), 0x12u);
  EXPECT_EQ(evaluate("clz.b32 %d, %a;", 0), 32u);
  EXPECT_EQ(evaluate("popc.b64 %d, %a;", ~uint64_t{0}), 64u);
  EXPECT_EQ(evaluate("brev.b32 %d, %a;", 1), 0x80000000u);
  EXPECT_EQ(evaluate("mov.b64 {%d, %e}, %a;\nmov.b64 %d, {%e, %d};", 0x0000000100000002),
            0x0000000200000001u);
}

TEST(PtxInstructions, FloatsRoundAsTheySay) {
  const float third = 1.0f / 3.0f;
  EXPECT_EQ(evaluate("div.rn.f32 %d, %a, %b;", bits(1.0f), bits(3.0f)), bits(third));
  EXPECT_EQ(evaluate("add.rz.f32 %d, %a, %b;", bits(1.0f), bits(0x1.8p-24f)), bits(1.0f));
  EXPECT_EQ(evaluate("add.rp.f32 %d, %a, %b;", bits(1.0f), bits(0x1p-60f)), bits(0x1.000002p0f));
  EXPECT_EQ(evaluate("fma.rm.f32 %d, %a, %b, %c;", bits(1.0f), bits(1.0f), bits(-0x1p-60f)),
            bits(0x1.fffffep-1f));
  EXPECT_EQ(evaluate("fma.rn.f64 %d, %a, %b, %c;", bits(0x1.0000001p0), bits(0x1.0000001p0),
                     bits(-0x1.0000002p0)),
            bits(0x1p-56));
  EXPECT_EQ(evaluate("mul.ftz.f32 %d, %a, %b;", bits(-0x1p-100f), bits(0x1p-40f)), bits(-0.0f));
  EXPECT_EQ(evaluate("add.sat.f32 %d, %a, %b;", bits(3.0f), bits(-5.0f)), bits(0.0f));
  EXPECT_EQ(evaluate("max.f32 %d, %a, %b;", bits(kNan), bits(2.0f)), bits(2.0f));
  EXPECT_EQ(evaluate("min.f64 %d, %a, %b;", bits(0.0), bits(-0.0)), bits(-0.0));
  EXPECT_EQ(evaluate("copysign.f32 %d, %a, %b;", bits(-1.0f), bits(2.0f)), bits(-2.0f));
  EXPECT_EQ(evaluate("rcp.approx.ftz.f64 %d, %a;", bits(3.0)), bits(1.0 / 3.0) >> 32 << 32);
  EXPECT_EQ(evaluate("div.approx.f32 %d, %a, %b;", bits(0x1p127f), bits(0x1p127f)), bits(0.0f));
  EXPECT_EQ(evaluate("ex2.approx.f32 %d, %a;", bits(-3.0f)), bits(0.125f));
}

TEST(PtxInstructions, Conversions) {
  EXPECT_EQ(evaluate("cvt.rzi.s32.f32 %d, %a;", bits(-2.9f)) & 0xFFFFFFFF,
            static_cast<uint32_t>(-2));
  EXPECT_EQ(evaluate("cvt.rni.s32.f64 %d, %a;", bits(2.5)), 2u);
  EXPECT_EQ(evaluate("cvt.rzi.s32.f32 %d, %a;", bits(3e9f)), 0x7FFFFFFFu);
  EXPECT_EQ(evaluate("cvt.rzi.u32.f64 %d, %a;", bits(-1.0)), 0u);
  EXPECT_EQ(evaluate("cvt.rzi.s32.f32 %d, %a;", bits(kNan)), 0u);
  EXPECT_EQ(evaluate("cvt.rzi.s64.f32 %d, %a;", bits(kNan)), uint64_t{1} << 63);
  EXPECT_EQ(evaluate("cvt.rn.f32.f64 %d, %a;", bits(0.1)), bits(0.1f));
  EXPECT_EQ(evaluate("cvt.rz.f32.f64 %d, %a;", bits(0x1.ffffffp0)), bits(0x1.fffffep0f));
  EXPECT_EQ(evaluate("cvt.rmi.f32.f32 %d, %a;", bits(-0.5f)), bits(-1.0f));
  EXPECT_EQ(evaluate("cvt.sat.f32.f32 %d, %a;", bits(kInf)), bits(1.0f));
  EXPECT_EQ(evaluate("cvt.s64.s8 %d, %a;", 0x1FF), ~uint64_t{0});
  EXPECT_EQ(evaluate("cvt.u64.u16 %d, %a;", 0x12345), 0x2345u);
  EXPECT_EQ(evaluate("cvt.sat.u8.s32 %d, %a;", 300), 255u);
}

TEST(PtxInstructions, ComparisonsKnowNan) {
  const auto holds = [](const std::string& relation, double a, double b) {
    return evaluate("setp." + relation + ".f64 %p, %a, %b;\nselp.u64 %d, 1, 0, %p;", bits(a),
                    bits(b)) == 1;
  };
  const double nan = std::nan("");
  EXPECT_TRUE(holds("lt", 1, 2));
  EXPECT_FALSE(holds("ne", nan, 1));
  EXPECT_TRUE(holds("neu", nan, 1));
  EXPECT_TRUE(holds("ltu", nan, 1));
  EXPECT_FALSE(holds("ge", nan, nan));
  EXPECT_TRUE(holds("nan", 1, nan));
  EXPECT_FALSE(holds("num", 1, nan));
  EXPECT_EQ(evaluate("setp.lt.s32 %p, %a, %b;\nselp.u32 %d, 1, 0, %p;", 0xFFFFFFFF, 0), 1u);
  EXPECT_EQ(evaluate("setp.lt.u32 %p, %a, %b;\nselp.u32 %d, 1, 0, %p;", 0xFFFFFFFF, 0), 0u);
  EXPECT_EQ(evaluate("setp.eq.s32 %q, %c, 0;\nsetp.eq.and.u32 %p|%p, %a, %b, %q;\n"
                     "selp.u32 %d, 1, 0, %p;",
                     3, 3, 0),
            0u);
}

TEST(PtxInstructions, CallsHaveFramesOfTheirOwn) {
  Array<uint64_t> out({0});
  run_text(R"(.func (.param .b64 result) factorial(.param .b64 n)
{
.reg .b64 %n, %m, %r;
.reg .pred %p;
.local .align 8 .b8 kept[8];
ld.param.u64 %n, [n];
mov.u64 %m, kept;
st.local.u64 [%m], %n;
setp.le.s64 %p, %n, 1;
mov.u64 %r, 1;
@%p bra done;
sub.s64 %n, %n, 1;
{ // callseq
.param .b64 argument;
st.param.b64 [argument+0], %n;
.param .b64 answer;
call.uni (answer), factorial, (argument);
ld.param.b64 %r, [answer+0];
}
ld.local.u64 %n, [%m];
mul.lo.s64 %r, %r, %n;
done:
st.param.b64 [result+0], %r;
ret;
}
.visible .entry kernel(.param .u64 out)
{
.reg .b64 %rd<3>;
ld.param.u64 %rd1, [out];
{ .param .b64 argument; st.param.b64 [argument], 10; .param .b64 answer;
call.uni (answer), factorial, (argument);
ld.param.b64 %rd2, [answer]; }
st.global.u64 [%rd1], %rd2;
ret;
})",
           {}, {}, {out.address()});
  EXPECT_EQ(out.values()[0], 3628800u);
}

// A kernel that puts every thread's number into shared memory and adds up its block's.
std::string block_sum(const std::string& barrier) {
  return R"(.shared .align 4 .b8 numbers[256];
.visible .entry kernel(.param .u64 out)
{
.reg .b64 %out;
.reg .b32 %r<9>;
.reg .pred %p;
ld.param.u64 %out, [out];
mov.u32 %r1, %tid.x;
mov.u32 %r2, numbers;
shl.b32 %r3, %r1, 2;
add.s32 %r4, %r2, %r3;
st.shared.u32 [%r4], %r1;
)" + barrier +
         R"(
setp.ne.s32 %p, %r1, 0;
@%p bra done;
mov.u32 %r5, 0;
mov.u32 %r6, 0;
next:
ld.shared.u32 %r7, [%r2];
add.s32 %r5, %r5, %r7;
add.s32 %r2, %r2, 4;
add.s32 %r6, %r6, 1;
setp.lt.s32 %p, %r6, 64;
@%p bra next;
st.global.u32 [%out], %r5;
done:
ret;
})";
}

TEST(PtxBlocks, BarriersOrderThreads) {
  Array<uint32_t> out({0});
  for (uint64_t seed = 1; seed < 20; ++seed) {
    run_text(block_sum("bar.sync 0;"), {}, {64}, {out.address()}, seed * 0x9E3779B97F4A7C15);
    EXPECT_EQ(out.values()[0], 64u * 63 / 2);
  }
}

TEST(PtxBlocks, AMissingBarrierIsFound) {
  Array<uint32_t> out({0});
  for (uint64_t seed = 1; seed < 20; ++seed)
    expect_fault(fault_of([&] {
                   run_text(block_sum(""), {}, {64}, {out.address()}, seed * 0x9E3779B97F4A7C15);
                 }),
                 "a race for shared memory");
  // One of a warp orders that warp only.
  expect_fault(
      fault_of([&] { run_text(block_sum("bar.warp.sync -1;"), {}, {64}, {out.address()}); }),
      "a race for shared memory");
}

TEST(PtxBlocks, ABarrierThatNotAllReachIsFound) {
  Array<uint32_t> out({0});
  const std::string two =
      "setp.lt.s32 %p, %r1, 32;\n@%p bra first;\nbar.sync 0;\nbra both;\n"
      "first:\nbar.sync 0;\nboth:\n";
  expect_fault(fault_of([&] { run_text(block_sum(two), {}, {64}, {out.address()}); }),
               "at different barriers");
  const std::string spin =
      "setp.ne.s32 %p, %r1, 5;\n@%p bra out;\nfor_ever: bra for_ever;\nout:\n"
      "bar.sync 0;\n";
  expect_fault(fault_of([&] { run_text(block_sum(spin), {}, {64}, {out.address()}); }), "hang");
  const std::string lanes = "setp.ne.s32 %p, %r1, 5;\n@%p bar.warp.sync -1;\nbar.sync 0;\n";
  expect_fault(fault_of([&] { run_text(block_sum(lanes), {}, {64}, {out.address()}); }),
               "wait for ever");
}

TEST(PtxBlocks, ReducingBarriers) {
  Array<uint32_t> out({0});
  const auto count = [&](const std::string& limit) {
    run_text(R"(.visible .entry kernel(.param .u64 out)
{
.reg .b64 %out; .reg .b32 %r<3>; .reg .pred %p, %q;
ld.param.u64 %out, [out];
mov.u32 %r1, %tid.x;
setp.lt.s32 %p, %r1, )" +
                 limit + R"(;
bar.red.popc.u32 %r2, 0, %p;
bar.red.or.pred %q, 0, %p;
@!%q mov.u32 %r2, 1000;
setp.ne.s32 %q, %r1, 77;
@%q bra done;
st.global.u32 [%out], %r2;
done: ret;
})",
             {}, {100}, {out.address()});
    return out.values()[0];
  };
  EXPECT_EQ(count("7"), 7u);
  EXPECT_EQ(count("0"), 1000u);
}

TEST(PtxWarps, LanesExchangeNumbers) {
  Array<uint32_t> out(std::vector<uint32_t>(32));
  const auto each = [&](const std::string& instructions) {
    run_text(R"(.visible .entry kernel(.param .u64 out)
{
.reg .b64 %out, %place; .reg .b32 %r<5>; .reg .pred %p;
ld.param.u64 %out, [out];
mov.u32 %r1, %tid.x;
mul.wide.u32 %place, %r1, 4;
add.s64 %out, %out, %place;
)" + instructions +
                 R"(
st.global.u32 [%out], %r2;
ret;
})",
             {}, {32}, {out.address()});
    return out.values();
  };
  const auto up = each("shfl.sync.up.b32 %r2|%p, %r1, 3, 0, -1;\n@!%p mov.u32 %r2, 99;");
  EXPECT_EQ(up[2], 99u);
  EXPECT_EQ(up[10], 7u);
  EXPECT_EQ(each("shfl.sync.bfly.b32 %r2, %r1, 5, 31, -1;")[9], 12u);
  EXPECT_EQ(each("shfl.sync.down.b32 %r2, %r1, 30, 31, -1;")[1], 31u);
  EXPECT_EQ(each("shfl.sync.idx.b32 %r2, %r1, 2, 0x181f, -1;")[12], 10u);
  EXPECT_EQ(each("setp.lt.u32 %p, %r1, 4;\nvote.sync.ballot.b32 %r2, %p, -1;")[20], 15u);
  EXPECT_EQ(each("and.b32 %r3, %r1, 7;\nmatch.any.sync.b32 %r2, %r3, -1;")[3], 0x08080808u);
  EXPECT_EQ(each("mov.u32 %r2, %lanemask_lt;")[4], 15u);
}

// Every thread adds one to a counter, each in its own way.
std::string counter(const std::string& addition) {
  return R"(.visible .entry kernel(.param .u64 out)
{
.reg .b64 %out; .reg .b32 %r<3>;
ld.param.u64 %out, [out];
)" + addition +
         "\nret;\n}";
}

TEST(PtxMemory, RacesBetweenBlocksAreFound) {
  Array<uint32_t> out({0});
  run_text(counter("atom.global.add.u32 %r1, [%out], 1;"), {3}, {40}, {out.address()});
  EXPECT_EQ(out.values()[0], 120u);
  const std::string plain =
      "ld.global.u32 %r1, [%out];\nadd.s32 %r1, %r1, 1;\n"
      "st.global.u32 [%out], %r1;";
  expect_fault(fault_of([&] { run_text(counter(plain), {1}, {2}, {out.address()}); }),
               "a race for memory");
  expect_fault(fault_of([&] { run_text(counter(plain), {2}, {1}, {out.address()}); }),
               "a race for memory");
  run_text(counter(plain), {1}, {1}, {out.address()});
  // Who writes the same harms nobody.
  run_text(counter("st.global.u32 [%out], 5;"), {2}, {3}, {out.address()});
  const std::string own = "mov.u32 %r1, %tid.x;\nst.global.u32 [%out], %r1;";
  expect_fault(fault_of([&] { run_text(counter(own), {1}, {2}, {out.address()}); }),
               "a race for memory");
}

TEST(PtxMemory, WhatLiesOutsideIsFound) {
  Array<uint32_t> out({1, 2, 3});
  const auto touching = [&](const std::string& instruction) {
    return fault_of([&] { run_text(counter(instruction), {}, {}, {out.address()}); });
  };
  EXPECT_EQ(touching("ld.global.u32 %r1, [%out+8];"), "");
  expect_fault(touching("ld.global.u32 %r1, [%out+12];"), "outside of all memory: reads 4 bytes");
  expect_fault(touching("st.global.u8 [%out+-1], %r1;"), "outside of all memory");
  expect_fault(touching("ld.global.v2.u32 {%r1, %r2}, [%out+8];"), "outside of all memory");
  expect_fault(touching("ld.global.u32 %r1, [%out+2];"), "misaligned");
  expect_fault(touching("ld.global.v2.u32 {%r1, %r2}, [%out+4];"), "misaligned");
  expect_fault(touching("mov.u64 %out, 8;\nld.global.u32 %r1, [%out];"), "outside of all memory");
  expect_fault(touching("mov.u32 %r1, 0;\nld.shared.u32 %r2, [%r1];"), "outside of shared memory");
  expect_fault(touching("ld.param.u64 %out, [out+8];"), "outside of the parameters");
  uint64_t gone = 0;
  {
    Array<uint32_t> freed({5});
    gone = freed.address();
  }
  EXPECT_NE(fault_of([&] { run_text(counter("ld.global.u32 %r1, [%out];"), {}, {}, {gone}); }), "");
}

TEST(PtxMemory, SharedVariablesLieApart) {
  const std::string text = R"(.shared .align 8 .b8 first[8];
.shared .align 8 .b8 second[8];
.visible .entry kernel(.param .u64 at)
{
.reg .b64 %a; .reg .b32 %r<4>;
ld.param.u64 %a, [at];
cvt.u32.u64 %r3, %a;
mov.u32 %r1, first;
st.shared.u32 [second], %r3;
add.s32 %r1, %r1, %r3;
ld.shared.u32 %r2, [%r1];
ret;
})";
  run_text(text, {}, {}, {4});
  expect_fault(fault_of([&] { run_text(text, {}, {}, {8}); }), "outside of shared memory");
}

TEST(PtxModules, WhatIsUnknownIsNotGuessed) {
  expect_fault(fault_of([] { evaluate("dp4a.u32.u32 %d, %a, %b, %c;", 1); }), "no dp4a");
  expect_fault(fault_of([] { evaluate("add.rn.satfinite.f32 %d, %a, %b;", 1); }),
               "no add.rn.satfinite.f32");
  expect_fault(fault_of([] { evaluate("bar.sync 1;", 1); }), "no bar.sync");
  expect_fault(fault_of([] { evaluate("mov.u64 %d, %nothing;", 1); }), "unknown name");
}

TEST(PtxModules, VariablesAreInitialised) {
  Array<double> out({0.0});
  run_text(R"(.global .align 8 .b8 table[16] = {0, 0, 0, 0, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 240, 63};
.visible .entry kernel(.param .u64 out)
{
.reg .b64 %out, %t; .reg .f64 %fd<3>;
ld.param.u64 %out, [out];
mov.u64 %t, table;
ld.global.nc.v2.f64 {%fd1, %fd2}, [%t];
add.f64 %fd1, %fd1, %fd2;
st.global.f64 [%out], %fd1;
ret;
})",
           {}, {}, {out.address()});
  EXPECT_EQ(out.values()[0], 3.0);
}

}  // namespace
}  // namespace ptx

"""cuBLAS called directly, from the library that pyautograd has opened."""

import ctypes

import pyautograd as pa

FLOAT32, BFLOAT16 = 0, 14  # cudaDataType
COMPUTE_32F, DEFAULT_ALGORITHM = 68, -1


class Handle:
    """One that works on this thread's stream, with the settings that every handle starts with."""

    def __init__(self):
        path = pa.cuda.libraries()["cuBLAS"]
        if path is None:
            raise RuntimeError("cuBLAS is not here")
        self.library = ctypes.CDLL(path)
        self.handle = ctypes.c_void_p()
        self.check(self.library.cublasCreate_v2(ctypes.byref(self.handle)))
        stream = ctypes.c_void_p(pa.cuda.current_stream().handle)
        self.check(self.library.cublasSetStream_v2(self.handle, stream))

    @staticmethod
    def check(status):
        if status:
            raise RuntimeError(f"cuBLAS: status {status}")

    def product(self, out, a, b, n, kind):
        """A call that multiplies square matrices at these addresses."""
        one, zero = ctypes.c_float(1), ctypes.c_float(0)

        def call():
            place, size, number = ctypes.c_void_p, ctypes.c_int(n), ctypes.c_int(kind)
            self.check(
                self.library.cublasGemmEx(
                    *(self.handle, 0, 0, size, size, size, ctypes.byref(one)),
                    *(place(b), number, size, place(a), number, size, ctypes.byref(zero)),
                    *(place(out), number, size, COMPUTE_32F, DEFAULT_ALGORITHM),
                )
            )

        return call

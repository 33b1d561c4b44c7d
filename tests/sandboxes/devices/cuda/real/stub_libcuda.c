/* A libcuda.so.1 without a GPU: answers what it is asked, and writes down what it is told.

   It includes the real header, so that a function which is declared otherwise does not compile. What is told goes, a
   line each, to the file that STUB_LOG names. */

#include <cuda.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEVICE_OFFSET 7 /* a device is not its number: one must not be taken for the other */

static int failure;
static int sizes[64];
static int size_count;

static void tell(const char *format, ...) {
  const char *path = getenv("STUB_LOG");
  FILE *file = path ? fopen(path, "a") : NULL;
  if (!file)
    return;
  va_list values;
  va_start(values, format);
  vfprintf(file, format, values);
  va_end(values);
  fclose(file);
}

/* For tests: the next calls that can fail return this number. */
void stub_fail(int number) { failure = number; }

/* For tests: bytes of each parameter of the kernel that is launched next, as its PTX says. */
void stub_parameters(const int *bytes, int count) {
  size_count = count;
  memcpy(sizes, bytes, count * sizeof(int));
}

CUresult cuInit(unsigned int flags) { return flags == 0 ? (CUresult)failure : CUDA_ERROR_INVALID_VALUE; }

CUresult cuDriverGetVersion(int *version) {
  *version = 13010;
  return CUDA_SUCCESS;
}

CUresult cuGetErrorName(CUresult error, const char **text) {
  *text = error == 700 ? "CUDA_ERROR_ILLEGAL_ADDRESS" : error == 100 ? "CUDA_ERROR_NO_DEVICE" : NULL;
  return *text ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuGetErrorString(CUresult error, const char **text) {
  *text = error == 700 ? "an illegal memory access was encountered" : error == 100 ? "no device" : NULL;
  if (!*text && error < 1000)
    *text = "some error";
  return *text ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuDeviceGetCount(int *count) {
  const char *devices = getenv("STUB_DEVICES");
  *count = devices ? atoi(devices) : 1;
  return CUDA_SUCCESS;
}

CUresult cuDeviceGet(CUdevice *device, int ordinal) {
  *device = ordinal + DEVICE_OFFSET;
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetName(char *name, int length, CUdevice device) {
  const char *title = getenv("STUB_TITLE");
  snprintf(name, length, "%s", title ? title : "NVIDIA H200");
  return device == DEVICE_OFFSET ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

CUresult cuDeviceGetUuid_v2(CUuuid *uuid, CUdevice device) {
  for (int i = 0; i < 16; ++i)
    uuid->bytes[i] = (char)(0xf0 + i);
  return device == DEVICE_OFFSET ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice device) {
  *bytes = 150754820096;
  return device == DEVICE_OFFSET ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice device) {
  switch (attribute) {
  case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT: *value = 132; break;
  case CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE: *value = 52428800; break;
  case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: *value = getenv("STUB_MAJOR") ? atoi(getenv("STUB_MAJOR")) : 9; break;
  case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: *value = 0; break;
  case CU_DEVICE_ATTRIBUTE_MAX_PERSISTING_L2_CACHE_SIZE: *value = 32768000; break;
  case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN: *value = 232448; break;
  case CU_DEVICE_ATTRIBUTE_WARP_SIZE: *value = 32; break;
  default: *value = 1;
  }
  /* Triton takes a device's number for the device, which is true of the real library */
  return device == DEVICE_OFFSET || device == 0 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

CUresult cuCtxSynchronize(void) { return (CUresult)failure; }

CUresult cuCtxSetLimit(CUlimit limit, size_t value) {
  tell("limit %d %zu\n", (int)limit, value);
  return (CUresult)failure;
}

CUresult cuCtxGetLimit(size_t *value, CUlimit limit) {
  (void)limit;
  *value = 0;
  return CUDA_SUCCESS;
}

CUresult cuCtxResetPersistingL2Cache(void) {
  tell("reset\n");
  return (CUresult)failure;
}

/* what Triton's launcher needs */

static char context, module, function;

CUresult cuCtxGetCurrent(CUcontext *current) {
  *current = (CUcontext)&context;
  return CUDA_SUCCESS;
}

CUresult cuCtxSetCurrent(CUcontext current) {
  (void)current;
  return CUDA_SUCCESS;
}

CUresult cuCtxGetDevice(CUdevice *device) {
  *device = DEVICE_OFFSET;
  return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRetain(CUcontext *retained, CUdevice device) {
  (void)device;
  *retained = (CUcontext)&context;
  return CUDA_SUCCESS;
}

CUresult cuModuleLoadData(CUmodule *loaded, const void *image) {
  *loaded = (CUmodule)&module;
  return memcmp(image, "\177ELF", 4) ? CUDA_ERROR_INVALID_IMAGE : CUDA_SUCCESS;
}

CUresult cuModuleUnload(CUmodule loaded) { return loaded == (CUmodule)&module ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE; }

CUresult cuModuleGetFunction(CUfunction *found, CUmodule loaded, const char *name) {
  tell("function %s\n", name);
  *found = (CUfunction)&function;
  return loaded == (CUmodule)&module ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuFuncGetAttribute(int *value, CUfunction_attribute attribute, CUfunction of) {
  (void)of;
  *value = attribute == CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK ? 1024 : 16;
  return CUDA_SUCCESS;
}

CUresult cuFuncSetAttribute(CUfunction of, CUfunction_attribute attribute, int value) {
  (void)of;
  tell("attribute %d %d\n", (int)attribute, value);
  return CUDA_SUCCESS;
}

CUresult cuFuncSetCacheConfig(CUfunction of, CUfunc_cache config) {
  (void)of, (void)config;
  return CUDA_SUCCESS;
}

CUresult cuOccupancyMaxActiveClusters(int *clusters, CUfunction of, const CUlaunchConfig *config) {
  (void)of, (void)config;
  *clusters = 1;
  return CUDA_SUCCESS;
}

CUresult cuPointerGetAttribute(void *data, CUpointer_attribute attribute, CUdeviceptr pointer) {
  (void)attribute;
  memcpy(data, &pointer, sizeof pointer);
  return CUDA_SUCCESS;
}

CUresult cuStreamIsCapturing(CUstream stream, CUstreamCaptureStatus *status) {
  (void)stream;
  *status = CU_STREAM_CAPTURE_STATUS_NONE;
  return CUDA_SUCCESS;
}

CUresult cuTensorMapEncodeTiled(CUtensorMap *map, CUtensorMapDataType type, cuuint32_t rank, void *address,
                                const cuuint64_t *shape, const cuuint64_t *strides, const cuuint32_t *box,
                                const cuuint32_t *element_strides, CUtensorMapInterleave interleave,
                                CUtensorMapSwizzle swizzle, CUtensorMapL2promotion promotion,
                                CUtensorMapFloatOOBfill fill) {
  (void)element_strides, (void)interleave, (void)swizzle, (void)promotion;
  tell("map %d %u %p %llu %llu %llu %u %u %d\n", (int)type, rank, address, (unsigned long long)shape[0],
       (unsigned long long)shape[1], (unsigned long long)strides[0], box[0], box[1], (int)fill);
  memset(map, 0x8B, sizeof *map); /* Triton clears a bit of it, which is clear in these */
  return CUDA_SUCCESS;
}

CUresult cuTensorMapEncodeIm2col(CUtensorMap *map, CUtensorMapDataType type, cuuint32_t rank, void *address,
                                 const cuuint64_t *shape, const cuuint64_t *strides, const int *lower,
                                 const int *upper, cuuint32_t channels, cuuint32_t pixels,
                                 const cuuint32_t *element_strides, CUtensorMapInterleave interleave,
                                 CUtensorMapSwizzle swizzle, CUtensorMapL2promotion promotion,
                                 CUtensorMapFloatOOBfill fill) {
  (void)map, (void)type, (void)rank, (void)address, (void)shape, (void)strides, (void)lower, (void)upper;
  (void)channels, (void)pixels, (void)element_strides, (void)interleave, (void)swizzle, (void)promotion, (void)fill;
  return CUDA_ERROR_NOT_SUPPORTED;
}

CUresult cuLaunchKernelEx(const CUlaunchConfig *config, CUfunction launched, void **parameters, void **extra) {
  tell("launch %u %u %u block %u shared %u stream %p attributes %u parameters", config->gridDimX, config->gridDimY,
       config->gridDimZ, config->blockDimX, config->sharedMemBytes, (void *)config->hStream, config->numAttrs);
  for (int i = 0; i < size_count; ++i) {
    tell(" ");
    for (int byte = 0; byte < sizes[i]; ++byte)
      tell("%02x", ((unsigned char *)parameters[i])[byte]);
  }
  tell("\n");
  if (failure)
    return (CUresult)failure;
  return launched == (CUfunction)&function && !extra ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

/** The form of `.gupcheck.json`. schemas/gupcheck.schema.json is the same for editors; a test holds the two together. */
export const schema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  $id: 'https://github.com/gupcheck/gupcheck/raw/main/schemas/gupcheck.schema.json',
  title: 'gupcheck',
  description: 'Configuration of gupcheck for a folder and all below it: .gupcheck.json',
  type: 'object',
  additionalProperties: false,
  properties: {
    $schema: { type: 'string', description: 'For editors.' },
    kernel: {
      $ref: '#/definitions/release',
      description:
        'Kernel release that the code is for. Without it that of the kernel tree around a file, else 6.12.',
    },
    rules: {
      type: 'object',
      description:
        'Levels of rules instead of their own, by code. A finding that is not certain stays below the level given.',
      additionalProperties: false,
      patternProperties: {
        '^GUP\\d{3}$': { enum: ['off', 'error', 'warning', 'note'] },
      },
    },
    exclude: {
      type: 'array',
      description:
        "Globs, relative to this file's folder, of files that are not linted unless they are named.",
      items: { type: 'string', minLength: 1 },
    },
    functions: {
      type: 'object',
      description: 'What functions that gupcheck does not see do to pages, by name.',
      additionalProperties: false,
      patternProperties: {
        '^[A-Za-z_]\\w*$': { $ref: '#/definitions/function' },
      },
    },
  },
  definitions: {
    release: {
      type: 'string',
      pattern: '^\\d{1,3}\\.\\d{1,3}(\\.\\d{1,5})?$',
    },
    position: {
      type: 'integer',
      minimum: 0,
      maximum: 15,
      description: 'Position of an argument, from 0.',
    },
    function: {
      type: 'object',
      description: 'Numbers are positions of arguments, from 0.',
      additionalProperties: false,
      minProperties: 1,
      properties: {
        acquires: {
          enum: ['get', 'pin'],
          description: 'It takes references (get_user_pages*) or pins (pin_user_pages*).',
        },
        releases: {
          enum: ['put', 'unpin'],
          description: 'It drops references (put_page) or pins (unpin_user_page).',
        },
        page: {
          $ref: '#/definitions/position',
          description: 'The page that is released, or the address of the variable that receives one page.',
        },
        pages: { $ref: '#/definitions/position', description: 'The array of pages.' },
        count: { $ref: '#/definitions/position', description: 'The number of pages in the array.' },
        flags: {
          description: 'The argument with FOLL_* flags, or the flags that the function passes itself.',
          oneOf: [
            { $ref: '#/definitions/position' },
            { type: 'string', pattern: '^(0|FOLL_[A-Z0-9_]+( *\\| *FOLL_[A-Z0-9_]+)*)$' },
          ],
        },
        result: {
          enum: ['count', 'status', 'bool', 'page'],
          default: 'count',
          description:
            'count: pages or -errno, like get_user_pages(). status: 0 for all pages, else -errno and none. bool: whether the page was acquired. page: the page or ERR_PTR().',
        },
        mmapLock: { type: 'boolean', description: 'Its caller holds mmap_lock.' },
        dirty: {
          description: 'true: what is released is marked dirty. A number: the argument that says so.',
          oneOf: [{ const: true }, { $ref: '#/definitions/position' }],
        },
        dirties: {
          $ref: '#/definitions/position',
          description: 'It marks this page dirty, under the page lock.',
        },
        writes: {
          type: 'array',
          items: { $ref: '#/definitions/position' },
          description: 'It writes to the data of these pages, or behind these addresses of their data.',
        },
        reads: {
          type: 'array',
          items: { $ref: '#/definitions/position' },
          description: 'It reads the data of these pages, or behind these addresses of their data.',
        },
        dma: {
          type: 'object',
          additionalProperties: false,
          required: ['page', 'direction'],
          properties: {
            page: { $ref: '#/definitions/position' },
            direction: { enum: ['to-device', 'from-device', 'bidirectional'] },
          },
          description: 'A device reads or writes this page until the function returns.',
        },
        takes: {
          type: 'array',
          items: { $ref: '#/definitions/position' },
          description: 'It takes these pages over: whoever called it need not release them.',
        },
        locks: { enum: ['mmap'], description: 'It takes mmap_lock for reading.' },
        unlocks: { enum: ['mmap'], description: 'It releases mmap_lock.' },
        harmless: {
          const: true,
          description: 'It neither keeps, releases nor touches pages that it is given.',
        },
        since: { $ref: '#/definitions/release', description: 'First kernel release for which this holds.' },
        until: { $ref: '#/definitions/release', description: 'Last kernel release for which this holds.' },
      },
    },
  },
};

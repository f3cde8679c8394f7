/** Compiles single files of a kernel tree, as they are and changed, without touching the tree. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';

/** Options beyond x86_64_defconfig: drivers that pin user pages, and what they depend on. */
const OPTIONS =
  'COMPILE_TEST INFINIBAND INFINIBAND_USER_ACCESS INFINIBAND_USNIC BCM_VK VDPA VHOST_MENU VHOST_VDPA RDS RDS_RDMA VIRT_DRIVERS NITRO_ENCLAVES FB FB_PVR2 STAGING BCM_VIDEOCORE BCM2835_VCHIQ VMWARE_VMCI DRM_ACCEL DRM_ACCEL_QAIC FPGA FPGA_DFL FPGA_DFL_AFU GENWQE ACRN_GUEST ACRN_HSM ORANGEFS_FS IOMMUFD IOMMUFD_TEST VFIO BLK_DEV_UBLK TEE XEN_GNTDEV MHI_BUS EVENTFD UPROBE_EVENTS RAPIDIO RAPIDIO_MPORT_CDEV SCSI_ST MEDIA_SUPPORT VIDEO_DEV';

const NEEDED = ['gcc', 'make', 'flex', 'bison', 'bc'];

export interface Compiled {
  readonly built: boolean;
  /** Why it was not built. */
  readonly why?: string;
  /** What gcc says about the changed file and does not say about the file as it is. */
  readonly problem?: string;
}

export class KernelBuild {
  /** Why nothing can be compiled. */
  readonly missing: string | undefined;
  readonly #tree: string;
  readonly #output: string;
  readonly #commands = new Map<string, string | undefined>();

  private constructor(tree: string, output: string, missing: string | undefined) {
    this.#tree = tree;
    this.#output = output;
    this.missing = missing;
  }

  /** Prepares the output folder of a tree, unless that was done before. */
  static of(tree: string): KernelBuild {
    const cache = process.env.XDG_CACHE_HOME ?? path.join(homedir(), '.cache');
    const output =
      process.env.GUPCHECK_KERNEL_BUILD ?? path.join(cache, 'gupcheck', 'kernel-build', path.basename(tree));
    const absent = NEEDED.filter((tool) => spawnSync(tool, ['--version']).error !== undefined);
    if (absent.length > 0) return new KernelBuild(tree, output, `${absent.join(', ')} not installed`);
    const mark = path.join(output, 'prepared');
    if (existsSync(mark)) return new KernelBuild(tree, output, undefined);
    console.log(`preparing ${tree} in ${output}, which takes some minutes`);
    mkdirSync(output, { recursive: true });
    const config = path.join(tree, 'scripts/config');
    const enabled = OPTIONS.split(' ').flatMap((option) => ['-e', option]);
    const steps: [string, string[]][] = [
      ['make', ['-C', tree, `O=${output}`, 'x86_64_defconfig']],
      [
        config,
        [
          '--file',
          path.join(output, '.config'),
          ...enabled,
          '-d',
          'WERROR',
          '-d',
          'DEBUG_INFO_BTF',
          '-d',
          'MODULE_SIG',
        ],
      ],
      ['make', ['-C', tree, `O=${output}`, 'olddefconfig']],
      ['make', ['-C', tree, `O=${output}`, '-j2', 'modules_prepare']],
    ];
    for (const [command, args] of steps) {
      const { status, stderr } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
      if (status !== 0)
        return new KernelBuild(tree, output, `${command} ${args.at(-1)} failed: ${lastLine(stderr)}`);
    }
    writeFileSync(mark, '');
    return new KernelBuild(tree, output, undefined);
  }

  /** Compiles a file of the tree with another text, with the flags that the kernel's build has for it. */
  compile(name: string, text: string): Compiled {
    if (this.missing !== undefined) return { built: false, why: this.missing };
    if (!name.endsWith('.c')) return { built: false, why: 'a header' };
    if (!this.#commands.has(name)) this.#commands.set(name, this.#commandOf(name));
    const command = this.#commands.get(name);
    if (command === undefined) return { built: false, why: 'not part of this configuration' };
    const folder = mkdtempSync(path.join(tmpdir(), 'gupcheck-build-'));
    try {
      const before = this.#run(command, name, readFileSync(path.join(this.#tree, name), 'latin1'), folder);
      const after = this.#run(command, name, text, folder);
      const fresh = after.messages.filter((each) => !before.messages.includes(each));
      if (after.status !== 0 || fresh.length > 0)
        return { built: true, problem: fresh[0] ?? `gcc ends with ${after.status}` };
      return { built: true };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** The compiler's command line, from the kernel's own build of the file. */
  #commandOf(name: string): string | undefined {
    const object = name.replace(/\.c$/, '.o');
    const { status } = spawnSync('make', ['-C', this.#tree, `O=${this.#output}`, object], {
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    });
    const file = path.join(this.#output, path.dirname(object), `.${path.basename(object)}.cmd`);
    if (status !== 0 || !existsSync(file)) return undefined;
    return /^(?:saved)?cmd_\S+ := (.*?-c -o \S+ \S+)/m.exec(readFileSync(file, 'utf8'))?.[1];
  }

  #run(command: string, name: string, text: string, folder: string) {
    const source = path.join(folder, path.basename(name));
    writeFileSync(source, text, 'latin1');
    // What it includes with quotes stands beside the original.
    const beside = path.join(this.#tree, path.dirname(name));
    const line = command
      .replace(/-Wp,-MMD,\S+/, '')
      .replace(/-c -o \S+ \S+$/, `-iquote ${beside} -c -o ${source}.o ${source}`);
    const { status, stderr } = spawnSync('sh', ['-c', line], { cwd: this.#output, encoding: 'utf8' });
    const messages = stderr
      .split('\n')
      .filter((each) => /: (?:warning|error):/.test(each))
      .map((each) => each.replace(/^.*?:\d+:\d+: /, ''));
    return { status, messages };
  }
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}

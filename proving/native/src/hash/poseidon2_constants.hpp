// Round constants of Poseidon2 over Goldilocks, widths 8, 12 and 16: 4 initial and 4 final external rounds of `width`
// constants each, 22 internal rounds of one.
// Source: HorizenLabs/poseidon2 (poseidon2_instance_goldilocks.rs), the same numbers in Plonky3/Plonky3
// (goldilocks/src/poseidon2.rs); both MIT OR Apache-2.0.
#pragma once

#include <cstdint>

namespace hm {

inline constexpr unsigned kPoseidon2InternalRounds = 22;

template <unsigned width>
struct Poseidon2Constants;

template <>
struct Poseidon2Constants<8> {
    static constexpr std::uint64_t kInitial[4][8] = {
        {
            0xdd5743e7f2a5a5d9ULL, 0xcb3a864e58ada44bULL, 0xffa2449ed32f8cdcULL, 0x42025f65d6bd13eeULL,
            0x7889175e25506323ULL, 0x34b98bb03d24b737ULL, 0xbdcc535ecc4faa2aULL, 0x5b20ad869fc0d033ULL,
        },
        {
            0xf1dda5b9259dfcb4ULL, 0x27515210be112d59ULL, 0x4227d1718c766c3fULL, 0x26d333161a5bd794ULL,
            0x49b938957bf4b026ULL, 0x4a56b5938b213669ULL, 0x1120426b48c8353dULL, 0x6b323c3f10a56cadULL,
        },
        {
            0xce57d6245ddca6b2ULL, 0xb1fc8d402bba1eb1ULL, 0xb5c5096ca959bd04ULL, 0x6db55cd306d31f7fULL,
            0xc49d293a81cb9641ULL, 0x1ce55a4fe979719fULL, 0xa92e60a9d178a4d1ULL, 0x002cc64973bcfd8cULL,
        },
        {
            0xcea721cce82fb11bULL, 0xe5b55eb8098ece81ULL, 0x4e30525c6f1ddd66ULL, 0x43c6702827070987ULL,
            0xaca68430a7b5762aULL, 0x3674238634df9c93ULL, 0x88cee1c825e33433ULL, 0xde99ae8d74b57176ULL,
        },
    };
    static constexpr std::uint64_t kFinal[4][8] = {
        {
            0x014ef1197d341346ULL, 0x9725e20825d07394ULL, 0xfdb25aef2c5bae3bULL, 0xbe5402dc598c971eULL,
            0x93a5711f04cdca3dULL, 0xc45a9a5b2f8fb97bULL, 0xfe8946a924933545ULL, 0x2af997a27369091cULL,
        },
        {
            0xaa62c88e0b294011ULL, 0x058eb9d810ce9f74ULL, 0xb3cb23eced349ae4ULL, 0xa3648177a77b4a84ULL,
            0x43153d905992d95dULL, 0xf4e2a97cda44aa4bULL, 0x5baa2702b908682fULL, 0x082923bdf4f750d1ULL,
        },
        {
            0x98ae09a325893803ULL, 0xf8a6475077968838ULL, 0xceb0735bf00b2c5fULL, 0x0a1a5d953888e072ULL,
            0x2fcb190489f94475ULL, 0xb5be06270dec69fcULL, 0x739cb934b09acf8bULL, 0x537750b75ec7f25bULL,
        },
        {
            0xe9dd318bae1f3961ULL, 0xf7462137299efe1aULL, 0xb1f6b8eee9adb940ULL, 0xbdebcc8a809dfe6bULL,
            0x40fc1f791b178113ULL, 0x3ac1c3362d014864ULL, 0x9a016184bdb8aebaULL, 0x95f2394459fbc25eULL,
        },
    };
    static constexpr std::uint64_t kInternal[22] = {
        0x488897d85ff51f56ULL, 0x1140737ccb162218ULL, 0xa7eeb9215866ed35ULL, 0x9bd2976fee49fcc9ULL,
        0xc0c8f0de580a3fccULL, 0x4fb2dae6ee8fc793ULL, 0x343a89f35f37395bULL, 0x223b525a77ca72c8ULL,
        0x56ccb62574aaa918ULL, 0xc4d507d8027af9edULL, 0xa080673cf0b7e95cULL, 0xf0184884eb70dcf8ULL,
        0x044f10b0cb3d5c69ULL, 0xe9e3f7993938f186ULL, 0x1b761c80e772f459ULL, 0x606cec607a1b5facULL,
        0x14a0c2e1d45f03cdULL, 0x4eace8855398574fULL, 0xf905ca7103eff3e6ULL, 0xf8c8f8d20862c059ULL,
        0xb524fe8bdd678e5aULL, 0xfbb7865901a1ec41ULL,
    };
};

template <>
struct Poseidon2Constants<12> {
    static constexpr std::uint64_t kInitial[4][12] = {
        {
            0x13dcf33aba214f46ULL, 0x30b3b654a1da6d83ULL, 0x1fc634ada6159b56ULL, 0x937459964dc03466ULL,
            0xedd2ef2ca7949924ULL, 0xede9affde0e22f68ULL, 0x8515b9d6bac9282dULL, 0x6b5c07b4e9e900d8ULL,
            0x1ec66368838c8a08ULL, 0x9042367d80d1fbabULL, 0x400283564a3c3799ULL, 0x4a00be0466bca75eULL,
        },
        {
            0x7913beee58e3817fULL, 0xf545e88532237d90ULL, 0x22f8cb8736042005ULL, 0x6f04990e247a2623ULL,
            0xfe22e87ba37c38cdULL, 0xd20e32c85ffe2815ULL, 0x117227674048fe73ULL, 0x4e9fb7ea98a6b145ULL,
            0xe0866c232b8af08bULL, 0x00bbc77916884964ULL, 0x7031c0fb990d7116ULL, 0x240a9e87cf35108fULL,
        },
        {
            0x2e6363a5a12244b3ULL, 0x5e1c3787d1b5011cULL, 0x4132660e2a196e8bULL, 0x3a013b648d3d4327ULL,
            0xf79839f49888ea43ULL, 0xfe85658ebafe1439ULL, 0xb6889825a14240bdULL, 0x578453605541382bULL,
            0x4508cda8f6b63ce9ULL, 0x9c3ef35848684c91ULL, 0x0812bde23c87178cULL, 0xfe49638f7f722c14ULL,
        },
        {
            0x8e3f688ce885cbf5ULL, 0xb8e110acf746a87dULL, 0xb4b2e8973a6dabefULL, 0x9e714c5da3d462ecULL,
            0x6438f9033d3d0c15ULL, 0x24312f7cf1a27199ULL, 0x23f843bb47acbf71ULL, 0x9183f11a34be9f01ULL,
            0x839062fbb9d45dbfULL, 0x24b56e7e6c2e43faULL, 0xe1683da61c962a72ULL, 0xa95c63971a19bfa7ULL,
        },
    };
    static constexpr std::uint64_t kFinal[4][12] = {
        {
            0xc68be7c94882a24dULL, 0xaf996d5d5cdaedd9ULL, 0x9717f025e7daf6a5ULL, 0x6436679e6e7216f4ULL,
            0x8a223d99047af267ULL, 0xbb512e35a133ba9aULL, 0xfbbf44097671aa03ULL, 0xf04058ebf6811e61ULL,
            0x5cca84703fac7ffbULL, 0x9b55c7945de6469fULL, 0x8e05bf09808e934fULL, 0x2ea900de876307d7ULL,
        },
        {
            0x7748fff2b38dfb89ULL, 0x6b99a676dd3b5d81ULL, 0xac4bb7c627cf7c13ULL, 0xadb6ebe5e9e2f5baULL,
            0x2d33378cafa24ae3ULL, 0x1e5b73807543f8c2ULL, 0x09208814bfebb10fULL, 0x782e64b6bb5b93ddULL,
            0xadd5a48eac90b50fULL, 0xadd4c54c736ea4b1ULL, 0xd58dbb86ed817fd8ULL, 0x6d5ed1a533f34dddULL,
        },
        {
            0x28686aa3e36b7cb9ULL, 0x591abd3476689f36ULL, 0x047d766678f13875ULL, 0xa2a11112625f5b49ULL,
            0x21fd10a3f8304958ULL, 0xf9b40711443b0280ULL, 0xd2697eb8b2bde88eULL, 0x3493790b51731b3fULL,
            0x11caf9dd73764023ULL, 0x7acfb8f72878164eULL, 0x744ec4db23cefc26ULL, 0x1e00e58f422c6340ULL,
        },
        {
            0x21dd28d906a62ddaULL, 0xf32a46ab5f465b5fULL, 0xbfce13201f3f7e6bULL, 0xf30d2e7adb5304e2ULL,
            0xecdf4ee4abad48e9ULL, 0xf94e82182d395019ULL, 0x4ee52e3744d887c5ULL, 0xa1341c7cac0083b2ULL,
            0x2302fb26c30c834aULL, 0xaea3c587273bf7d3ULL, 0xf798e24961823ec7ULL, 0x962deba3e9a2cd94ULL,
        },
    };
    static constexpr std::uint64_t kInternal[22] = {
        0x4adf842aa75d4316ULL, 0xf8fbb871aa4ab4ebULL, 0x68e85b6eb2dd6aebULL, 0x07a0b06b2d270380ULL,
        0xd94e0228bd282de4ULL, 0x8bdd91d3250c5278ULL, 0x209c68b88bba778fULL, 0xb5e18cdab77f3877ULL,
        0xb296a3e808da93faULL, 0x8370ecbda11a327eULL, 0x3f9075283775dad8ULL, 0xb78095bb23c6aa84ULL,
        0x3f36b9fe72ad4e5fULL, 0x69bc96780b10b553ULL, 0x3f1d341f2eb7b881ULL, 0x4e939e9815838818ULL,
        0xda366b3ae2a31604ULL, 0xbc89db1e7287d509ULL, 0x6102f411f9ef5659ULL, 0x58725c5e7ac1f0abULL,
        0x0df5856c798883e7ULL, 0xf7bb62a8da4c961bULL,
    };
};

template <>
struct Poseidon2Constants<16> {
    static constexpr std::uint64_t kInitial[4][16] = {
        {
            0x15ebea3fc73397c3ULL, 0xd73cd9fbfe8e275cULL, 0x8c096bfce77f6c26ULL, 0x4e128f68b53d8feaULL,
            0x29b779a36b2763f6ULL, 0xfe2adc6fb65acd08ULL, 0x8d2520e725ad0955ULL, 0x1c2392b214624d2aULL,
            0x37482118206dcc6eULL, 0x2f829bed19be019aULL, 0x2fe298cb6f8159b0ULL, 0x2bbad982deccdbbfULL,
            0xbad568b8cc60a81eULL, 0xb86a814265baad10ULL, 0xbec2005513b3acb3ULL, 0x6bf89b59a07c2a94ULL,
        },
        {
            0xa25deeb835e230f5ULL, 0x3c5bad8512b8b12aULL, 0x7230f73c3cb7a4f2ULL, 0xa70c87f095c74d0fULL,
            0x6b7606b830bb2e80ULL, 0x6cd467cfc4f24274ULL, 0xfeed794df42a9b0aULL, 0x8cf7cf6163b7dbd3ULL,
            0x9a6e9dda597175a0ULL, 0xaa52295a684faf7bULL, 0x017b811cc3589d8dULL, 0x55bfb699b6181648ULL,
            0xc2ccaf71501c2421ULL, 0x1707950327596402ULL, 0xdd2fcdcd42a8229fULL, 0x8b9d7d5b27778a21ULL,
        },
        {
            0xac9a05525f9cf512ULL, 0x2ba125c58627b5e8ULL, 0xc74e91250a8147a5ULL, 0xa3e64b640d5bb384ULL,
            0xf53047d18d1f9292ULL, 0xbaaeddacae3a6374ULL, 0xf2d0914a808b3db1ULL, 0x18af1a3742bfa3b0ULL,
            0x9a621ef50c55bdb8ULL, 0xc615f4d1cc5466f3ULL, 0xb7fbac19a35cf793ULL, 0xd2b1a15ba517e46dULL,
            0x4a290c4d7fd26f6fULL, 0x4f0cf1bb1770c4c4ULL, 0x548345386cd377f5ULL, 0x33978d2789fddd42ULL,
        },
        {
            0xab78c59deb77e211ULL, 0xc485b2a933d2be7fULL, 0xbde3792c00c03c53ULL, 0xab4cefe8f893d247ULL,
            0xc5c0e752eab7f85fULL, 0xdbf5a76f893bafeaULL, 0xa91f6003e3d984deULL, 0x099539077f311e87ULL,
            0x097ec52232f9559eULL, 0x53641bdf8991e48cULL, 0x2afe9711d5ed9d7cULL, 0xa7b13d3661b5d117ULL,
            0x5a0e243fe7af6556ULL, 0x1076fae8932d5f00ULL, 0x9b53a83d434934e3ULL, 0xed3fd595a3c0344aULL,
        },
    };
    static constexpr std::uint64_t kFinal[4][16] = {
        {
            0xdacf46dc1c31a045ULL, 0x5d2e3c121eb387f2ULL, 0x51f8b0658b124499ULL, 0x1e7dbd1daa72167dULL,
            0x8275015a25c55b88ULL, 0xe8521c24ac7a70b3ULL, 0x6521d121c40b3f67ULL, 0xac12de797de135b0ULL,
            0xafa28ead79f6ed6aULL, 0x685174a7a8d26f0bULL, 0xeff92a08d35d9874ULL, 0x3058734b76dd123aULL,
            0xfa55dcfba429f79cULL, 0x559294d4324c7728ULL, 0x7a770f53012dc178ULL, 0xedd8f7c408f3883bULL,
        },
        {
            0x39b533cf8d795fa5ULL, 0x160ef9de243a8c0aULL, 0x431d52da6215fe3fULL, 0x54c51a2a2ef6d528ULL,
            0x9b13892b46ff9d16ULL, 0x263c46fcee210289ULL, 0xb738c96d25aabdc4ULL, 0x5c33a5203996d38fULL,
            0x2626496e7c98d8ddULL, 0xc669e0a52785903aULL, 0xaecde726c8ae1f47ULL, 0x039343ef3a81e999ULL,
            0x2615ceaf044a54f9ULL, 0x7e41e834662b66e1ULL, 0x4ca5fd4895335783ULL, 0x64b334d02916f2b0ULL,
        },
        {
            0x87268837389a6981ULL, 0x034b75bcb20a6274ULL, 0x58e658296cc2cd6eULL, 0xe2d0f759acc31df4ULL,
            0x81a652e435093e20ULL, 0x0b72b6e0172eaf47ULL, 0x4aec43cec577d66dULL, 0xde78365b028a84e6ULL,
            0x444e19569adc0ee4ULL, 0x942b2451fa40d1daULL, 0xe24506623ea5bd6cULL, 0x082854bf2ef7c743ULL,
            0x69dbbc566f59d62eULL, 0x248c38d02a7b5cb2ULL, 0x4f4e8f8c09d15edbULL, 0xd96682f188d310cfULL,
        },
        {
            0x6f9a25d56818b54cULL, 0xb6cefed606546cd9ULL, 0x5bc07523da38a67bULL, 0x7df5a3c35b8111cfULL,
            0xaaa2cc5d4db34bb0ULL, 0x9e673ff22a4653f8ULL, 0xbd8b278d60739c62ULL, 0xe10d20f6925b8815ULL,
            0xf6c87b91dd4da2bfULL, 0xfed623e2f71b6f1aULL, 0xa0f02fa52a94d0d3ULL, 0xbb5794711b39fa16ULL,
            0xd3b94fba9d005c7fULL, 0x15a26e89fad946c9ULL, 0xf3cb87db8a67cf49ULL, 0x400d2bf56aa2a577ULL,
        },
    };
    static constexpr std::uint64_t kInternal[22] = {
        0x28eff4b01103d100ULL, 0x60400ca3e2685a45ULL, 0x1c8636beb3389b84ULL, 0xac1332b60e13eff0ULL,
        0x2adafcc364e20f87ULL, 0x79ffc2b14054ea0bULL, 0x3f98e4c0908f0a05ULL, 0xcdb230bc4e8a06c4ULL,
        0x1bcaf7705b152a74ULL, 0xd9bca249a82a7470ULL, 0x91e24af19bf82551ULL, 0xa62b43ba5cb78858ULL,
        0xb4898117472e797fULL, 0xb3228bca606cdaa0ULL, 0x844461051bca39c9ULL, 0xf3411581f6617d68ULL,
        0xf7fd50646782b533ULL, 0x6ca664253c18fb48ULL, 0x2d2fcdec0886a08fULL, 0x29da00dd799b575eULL,
        0x47d966cc3b6e1e93ULL, 0xde884e9a17ced59eULL,
    };
};

}  // namespace hm

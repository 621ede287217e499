// The words of pairing codes and safety phrases, made by schema/wire_table.mjs from schema/words.def.
// Not to be edited: the words and their order never change.

export const WORDS = (
  'abacus ability abroad absent absorb academy acid acorn acre acrobat acrylic active actor actual adjust admit ' +
  'advance adverb advice aerosol afar afford afloat after agenda agile agree ahead aircraft airline airport airship ' +
  'alarm album alcove alder alert algebra alibi allow almanac almond aloft alone alpaca alpine amaze ambient amount ' +
  'amulet amuse anatomy anchor ancient angle animal annex annual answer antenna anthill antique antler anvil apex ' +
  'apology apparel appear apple approve apricot apron aquarium arcade archer arctic arena argue aria armchair armpit ' +
  'aroma arrange arrive arrow artist artwork aside asleep aspect asphalt assist asteroid athlete atlas atrium attach ' +
  'attend attic attract auction audio autumn avenue average aviary avocado avoid awake award awesome axis azalea ' +
  'azure baboon baby backyard bacon badger bagel baggage bagpipe bakery balance balcony balloon bamboo banana ' +
  'bandage banjo banner banquet bantam barber bargain barista bark barley barrel basic bassoon bathtub battery ' +
  'beaker beaming bedroom bedtime beef beehive beeswax beetle before began begonia behave behind behold belfry ' +
  'believe belong bench benefit beret bicycle big bike bingo biology birch bird biscuit bison bistro blade blanket ' +
  'blast blend blimp blink blizzard blog blossom blouse blubber bluff boat bobbin bobcat bobsled boiler bolster bond ' +
  'bonfire bonnet bonsai bonus booklet booth borrow boss botany bottom bouncy bovine boxcar boxer bracket brain ' +
  'brand bravo breadth breeze brick bridge bright bring bristle broccoli broken bronze broom brother brownie brush ' +
  'bubble bucket budget buffalo buggy bugle builder bulb bulge bulldog bump bundle bungalow bunk burger burlap burn ' +
  'burst bushel butler button buzz byline bypass cabana cabbage cabin cable cactus cadet cage calcium calendar calf ' +
  'calico calorie camel campus canal candle canine canoe canteen canyon captain caravan carbon careful cargo caribou ' +
  'carnival carpet carry cartoon cascade cashier castle casual caterer catfish catwalk cavern cedar celery cello ' +
  'cement central ceramic certify chain chalet chamber channel chapter charity cheddar cheese chef chemist cherry ' +
  'chestnut chicken child chimney chipmunk chirp chisel choice chorus chuckle chunk chutney cinder cinema circus ' +
  'citadel citizen citrus city civic claim clap clarinet classic clatter clear client climate cling clock cloth ' +
  'cloud clover clown club clump cluster clutch coach coastal cobalt cobbler cobra cobweb cockpit cocoa coffee cog ' +
  'college column combine comet comfort comic common company concept conduct connect conquer consult control convert ' +
  'cookie cooler copilot copper corner cosmos costume cottage cougar count coupon courage cousin cowboy coyote crab ' +
  'cradle craft cranky crater crave crawl crayon crazy create credit crevice crew cricket crimson crisp croak crocus ' +
  'crop cross crouch crowbar cruiser crumb crunch cuckoo cucumber cuddle cumin cupboard cupcake curfew curious curl ' +
  'curtain curve cushion custom cute cutlass cycle cypress daily dainty dance dandy darling dart data daylight deal ' +
  'debate debut decade decimal decline decor deed default defend define defrost degree deliver delta demand demo ' +
  'denim dentist depart deposit depth deputy deserve desire desk destiny detail detect detour develop diagram ' +
  'dialect diamond diary dice dictate diesel diet digest dignity dimple dinner dinosaur diploma direct disco dish ' +
  'display diver dizzy doctor dodo dogwood dollar dolphin domain domino donate donkey door dove dragon drama draw ' +
  'dream dredge drench dribble drift drill drink drip drive drizzle drowsy drummer duchess duck dugout dumpling dune ' +
  'duplex durable dustpan duty duvet dwell dynamic eager eagle earring earth eastern easy ebony eclipse ecology ' +
  'economy edge edible editor educate egg elastic elbow elderly elegant element elephant elevate elm email embark ' +
  'ember emblem embrace emerald emotion employ empty enable enamel enchant enclose encore endless endorse energy ' +
  'engage engine engrave enhance enjoy enlarge enough enrich entire entry envelope epic episode equator equine ' +
  'escape escort essay estate estuary eureka even example exceed excite excuse exhale exhibit exit exotic expand ' +
  'expect explain export express extend extra eyebrow eyelash fabric facet factory faculty fade fairway falcon ' +
  'family famous fanfare fantasy farmer fashion faster feature fedora feline felt fence ferret fertile festival ' +
  'fetch fiction fiddler fierce fiesta figment figure file filter finance finch finger firefly firm fist fix fizz ' +
  'flag flake flamingo flannel flask fleece flicker flight flint flip floral fluent fluffy fluid flush flutter focus ' +
  'foggy foghorn folder foliage follow fondue foot foray forest forget formula fortune forum fossil foundry foxtrot ' +
  'fragile frame freckle frenzy fresh friend frigate fringe frisky frog frolic front frosty frown frozen fruit fry ' +
  'fudge fuel fund funny furnace furrow further fuse fusion future fuzzy gadget galaxy gallon game gander gap garage ' +
  'garden gargle garlic garment garnet gasket gateway gather gavel gazelle gear gecko gem genius gentle genuine ' +
  'geology gesture giant gibbon giddy gift giraffe give gizmo glacier glad glass glazed glimpse glitch gloom glossy ' +
  'glove glow glucose gnome goal goatee goblin goggle golden golfer gondola goose gopher gorge gosling gossip gown ' +
  'gradual grammar granite graph grasp gravy grazing green gremlin griddle grind grit grocery groove grotto group ' +
  'growth grub guava guide guitar gulf gumbo gumdrop guppy gust gutter gymnast habit hacksaw haddock hairpin halibut ' +
  'hallway halo hamlet hammock hamper hamster handful hanky happy hard harmony harness harvest hash hat haunch haven ' +
  'hawk hayloft haystack hazelnut hazy health heap heavy hedgehog helium helmet helper hen herald herbal heron ' +
  'herring hexagon hickory hidden hideout highway hiker hill hinge hint hippo history hockey hoist holiday home hood ' +
  'horizon hornet hostess hotel house hover hub huge humbug humid humming hungry hurry husky hustle hutch hybrid ' +
  'hydrant hyena iceberg icing icy idea igloo ignite iguana imagine imitate impala import improve inbox incense ' +
  'include income index indigo indoor inform inhale initial inkwell inlet inning input insect inside inspire instead ' +
  'intend invest invite iodine iron island isolate itch ivory jacket jagged janitor jargon javelin jaw jazz jelly ' +
  'jester jetty jigsaw job jogging join joker journey jovial joyful jubilee judo juice jukebox jumper jungle junior ' +
  'jury justice kangaroo karate kayak keen kelp kennel ketchup kettle keyboard keyhole kick kiln kimono kind kingdom ' +
  'kinship kiosk kitchen kiwi kneecap knit knock knoll knuckle koala lace ladle lady lagoon lair lamp lantern ' +
  'lanyard lapel laptop larder large laser lasso latex laugh laundry lava lavender lawn lawyer layout leader league ' +
  'leather leave lecture left legacy legend legible lemon lemur length lens lentil leopard level liberty library lid ' +
  'lighter lilac limit limpet linen lion liquid listen little lively living lobby lobe lobster locate locker locust ' +
  'lodging logic logo lollipop lonely look lorry lotus lounge loyal lozenge lucky luggage lullaby lumber lumpy lunar ' +
  'lunch lupin luxury lyric macaw machine macro magenta magic magnet magpie maiden mailbox majesty major mallard ' +
  'malt mammal manage mango mansion mantis maple marble march marine market marlin marvel mascot mask masonry matrix ' +
  'matter maximum maybe meadow measure media medley melon memento memory mentor menu merge merit mermaid message ' +
  'meteor method metric middle midway mighty migrate mild mileage millet mime mimic mimosa mineral mingle minimum ' +
  'mink minnow minus mirage mirror mission mistake mitten mixture mobile mocha modern modify module moment monarch ' +
  'money monitor monocle monster month moon moped morale morsel mortar mosaic mosquito mother motive motley motto ' +
  'mountain movie muddy muffin mug mulberry mulch mule murmur museum mushroom music mustard myriad mystery myth ' +
  'nacho nanny napkin narwhal nation nature navy nebula necklace nectar neon nephew nerve nest network neutral never ' +
  'newborn nibble nifty nimbus noise nomad nominal noodle normal north nosy notable notebook notify noun novel ' +
  'novice nugget nursery nutmeg nutty nylon oak oasis oatmeal object oboe observe occupy ocean octagon octopus offer ' +
  'office oily old olive omega omnibus onion online onward onyx ooze open opera opinion optic orange orbit orchid ' +
  'orderly oregano origin oriole ostrich otter ottoman ounce outback outcome outdoor outfit outing outlaw outpost ' +
  'outrun outside outward oval overall owl owner oxygen oyster ozone pacific package padded padlock paint palace ' +
  'palm pancake panda panel panther papaya paper paprika parade parcel parent parka parsley partner passage pasta ' +
  'path patio pattern pave payment payroll peacock peanut pebble pecan peck pelican pencil pendant penguin people ' +
  'peppy perfect permit person petrol petunia pewter phantom phone photo phrase piano piccolo picnic picture pigeon ' +
  'piglet pigtail pinball pine pinto pioneer piping pirate piston pit pivot pixel pizza planet plaster player plaza ' +
  'plead pledge plenty pliers plot pluck plumage plunge plywood pocket podium poem poetry pointer polar polish polka ' +
  'pollen polygon poncho pony pool popcorn popular portal pose posture potato potluck pottery pouch powder prance ' +
  'precise predict prefer prelude premium prepare present pretzel preview primary prism private problem process ' +
  'profile project promise prong proof propane prosper protein proud provide prowl prune public pudding puff pulley ' +
  'pulp pulsar pumpkin pupil puppet purpose purse push puzzle pyramid python quad quaint quake quality quantum ' +
  'quarter quasar query quest quiet quill quince quiver quiz quote rabbit racer radar radish ragtime railway rainbow ' +
  'raisin rally rampart ranch random ranger rapid ratchet rate rattle ravine react ready reality rebuild recall ' +
  'recent recipe record recruit recycle reduce redwood refill reflect refresh refuse regain reggae region regular ' +
  'reject rejoice relax release relish remark remedy remind remove renew reopen repair replace report reptile ' +
  'request rescue reside respect restore resume return reunion reveal revive revolve reward rhino rib ride rigid ' +
  'rinse ripple risk rival rivet roadway roam roast robust rock rodeo romp rooftop roomy rooster rope rosebud rotate ' +
  'rotor round routine rowboat rowing rubbish rudder ruffle rugby ruin ruler runner runway rural rustic saddle sadly ' +
  'safari safe saffron saga sailor salad salmon salsa salty salute sample sandwich sapling sardine satchel satin ' +
  'saucer sauna sausage savvy sawdust scallop scamper scarf scheme scholar science scone scooter scorch scour ' +
  'scratch screen script scroll scrub scuba sculpt seafood seaport search season seat seaweed secret section secure ' +
  'seesaw segment select self seminar senior sepia sequel serene series serpent serum service sesame setup sextant ' +
  'shadow shaft shaggy shampoo shanty shark shatter shave shawl sheen shelter sherbet shield shimmer shingle shiver ' +
  'shoal shop short shovel shower shrew shrink shrug shut shyness sibling sidecar sigh signal silent silica silk ' +
  'silly silver similar siren sister sitar sitcom skate sketch skillet skip skunk skydive skylark slab sled sleepy ' +
  'slender slick slim slipper slogan slope slug smart smear smelt smile smock smooth snag snail snake snapper sniff ' +
  'snippet snooze snorkel snow snuggle soccer social soda soft soil solo solve sonar song sonic soprano sorbet soup ' +
  'south soybean spaniel sparrow spatula speak special speech spend sphere spicy spider spill spinach spire splash ' +
  'split sponge spoon spot spray spread spring sprout spruce spur square squeeze squid stable stack stadium stage ' +
  'stain stamina stand stapler startle station steady steer stellar stem stencil stereo steward sticky stitch ' +
  'stomach stool storm stout stove strap stream strict strong strudel studio stuffy stump stunt stylish submit ' +
  'subtle suburb subway success sudden suds sugar suggest suitcase summer sunbeam sundial sunlit sunrise sunset ' +
  'supply sure surfer survey sushi suspend sustain swallow swamp swan sweater sweep swerve swift swing swish swivel ' +
  'syrup system tabby tabloid tackle taco tactic tadpole taffy tag take talent tall tandem tangent tapir target ' +
  'tarmac tarp tartan tasty taxi teacher teapot teaspoon teatime teeth temper tenant tender tennis tent term terrace ' +
  'texture thank thatch theme theory thermal thick thimble thin thirsty thistle thorn thought thread thrill throat ' +
  'thud thump thunder tiara ticket tidal tidings tidy tiger tight tiller timber timid tinfoil tinker tinsel tinted ' +
  'tip tired tissue toaster today toddler token tomato tone tonight toolbox topaz topic topple topsoil torch ' +
  'tortoise toucan tour tower toy tractor trade traffic trail tram transit trapeze travel treacle treetop trek ' +
  'trellis tremble trend triad tribute trifle trinket trio tripod triumph trivia trolley trombone trophy trot ' +
  'trouble trowel trudge trumpet trunk trust truth tube tugboat tuition tulip tumble tuna tundra tunic tunnel ' +
  'turbine turf turkey turmoil turnip turtle tusk tussle tutor tuxedo tweak twig twinkle twirl twist twosome tycoon ' +
  'typhoon typical ultra umbrella umpire uncle uncover unearth unicorn uniform unique unison unite unlock unpack ' +
  'unravel unusual unwind unwrap unzip upbeat update upgrade uphill uphold uplift upload upright uproar upset uptown ' +
  'upward urban urgent usable useful usher usual utility utmost vacant valiant valve vanilla variety varnish varsity ' +
  'vase vault vector vehicle velvet vendor verify version vessel vibrant victory video view vigil village vinegar ' +
  'vintage vinyl violin viper virtual visit visor vista visual vitamin vivid vocal volcano volley volume vortex ' +
  'voucher vowel voyage vulture wafer waffle wagon waiter walker wallaby walnut walrus waltz wand warbler warm ' +
  'warthog washing watch waxy weasel weaver web wedding weekend welcome welder western wetland wharf wheat wheel ' +
  'whiff whinny whisker widget width wiggle wildcat willow window winery winter wipe wiring wisdom wisp witness ' +
  'wizard wobble wolf wombat wonder wooden work world worthy woven wreath wren wrinkle yacht yam yarn yearly yeast ' +
  'yellow yeti yield yodel yoga young yummy zany zebra zenith zigzag zinc zinnia zipper zodiac zoo'
).split(' ');
